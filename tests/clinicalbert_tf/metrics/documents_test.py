"""Votes and their scores against the readmission paper's script."""

import csv
import json

import numpy as np
import pytest

from clinicalbert_tf.metrics import documents
from tests import support

GOLDEN = support.GOLDEN / "readmission" / "vote"
EXPECTED = json.loads((GOLDEN / "expected/vote.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_vote_and_metrics_equal_the_paper(name):
    rows = list(csv.DictReader((GOLDEN / f"input/{name}.csv").open()))
    ids, voted = documents.vote([r["ID"] for r in rows], [float(r["score"]) for r in rows])
    labels, _ = documents.labels_of([r["ID"] for r in rows], [float(r["Label"]) for r in rows])
    expected = {row["ID"]: row for row in EXPECTED[name]["per_id"]}
    assert sorted(float(i) for i in ids) == sorted(expected)
    for i, score, label in zip(ids, voted, labels, strict=True):
        assert abs(score - expected[float(i)]["score"]) < 1e-9
        assert label == expected[float(i)]["label"]
    scores = documents.scores(labels, voted)
    for key, theirs in (("auroc", "auroc"), ("auprc_trapezoid", "auprc"), ("rp80", "rp80")):
        assert abs(scores[key] - EXPECTED[name][theirs]) < 1e-9
    assert scores["reasons"] == {}


def test_votes_by_hand():
    ids, scores = ["b", "a", "b"], np.array([0.2, 0.5, 0.8])
    assert documents.vote(ids, scores, "mean")[0] == ["b", "a"]
    np.testing.assert_allclose(documents.vote(ids, scores, "mean")[1], [0.5, 0.5])
    np.testing.assert_allclose(documents.vote(ids, scores, "max")[1], [0.8, 0.5])
    # n/c = 0.5 and 0.25: (0.8 + 0.5 * 0.5) / 1.5
    np.testing.assert_allclose(documents.vote(ids, scores, c=4)[1], [0.7, 0.5])


def test_ids_stay_text():
    assert documents.vote(["01", "1", "NA"], np.ones(3))[0] == ["01", "1", "NA"]


def test_chunks_that_disagree_are_named_and_get_the_smaller_label():
    labels, disagreeing = documents.labels_of(["a", "b", "a"], [1, 1, 0])
    assert labels.tolist() == [0, 1]
    assert disagreeing == ["a"]


@pytest.mark.parametrize(("targets", "reason"), [([0, 0], "no positive"), ([1, 1], "no negative")])
def test_one_class_gives_none_with_the_reason(targets, reason):
    scores = documents.scores(np.array(targets), np.array([0.1, 0.2]))
    assert scores["auroc"] is None
    assert reason in scores["reasons"]["auroc"]
    if not any(targets):
        assert scores["rp80"] is None and scores["rp80_flagged"] is None
        assert scores["average_precision"] is None


def test_rp80_counts_the_flagged_documents():
    targets, values = np.array([1, 0, 1, 1, 1, 0]), np.array([0.9, 0.1, 0.8, 0.7, 0.6, 0.65])
    scores = documents.scores(targets, values)
    assert (scores["rp80"], scores["rp80_flagged"]) == (1.0, 5)


@pytest.mark.parametrize("settings", [{"rule": "median"}, {"c": 0.0}, {"c": float("nan")}])
def test_unknown_votes_are_refused(settings):
    with pytest.raises(ValueError, match="Expected a vote"):
        documents.vote(["a"], np.ones(1), **settings)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

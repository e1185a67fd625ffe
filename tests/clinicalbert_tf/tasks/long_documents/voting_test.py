"""Votes over chunks: the paper's, against what its own program gave."""

import csv
import json

import numpy as np
import pytest

from clinicalbert_tf.tasks.long_documents.voting import log_odds, softmax, two_logits, vote_logits
from tests import support

GOLDEN = support.GOLDEN / "readmission" / "vote"
NAMES = [
    "lowest_threshold_wins", "main", "perfect", "rp80_exactly_080", "rp80_zero", "ties",
]  # fmt: skip


def golden(name):
    with open(GOLDEN / "input" / f"{name}.csv", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["ID"]))
    ids = [float(row["ID"]) for row in rows]
    places = {id_: place for place, id_ in enumerate(dict.fromkeys(ids))}
    document = np.array([places[id_] for id_ in ids])
    return document, np.array([float(row["score"]) for row in rows])


@pytest.mark.parametrize("name", NAMES)
def test_paper_vote_equals_the_references(name):
    expected = json.loads((GOLDEN / "expected" / "vote.json").read_text())[name]["per_id"]
    document, scores = golden(name)
    voted = softmax(vote_logits(two_logits(scores), document, "single", "paper", 2.0))[:, 1]
    np.testing.assert_allclose(voted, [row["score"] for row in expected], atol=1e-9)


def test_votes_by_hand():
    document = np.array([0, 0, 0, 1])
    scores = np.array([0.2, 0.9, 0.4, 0.3])
    for rule, c, expected in (
        ("mean", 2.0, [0.5, 0.3]),
        ("max", 2.0, [0.9, 0.3]),
        ("paper", 2.0, [(0.9 + 1.5 / 2) / 2.5, (0.3 + 0.15) / 1.5]),
        ("paper", 4.0, [(0.9 + 1.5 / 4) / 1.75, 0.3]),
    ):
        voted = softmax(vote_logits(two_logits(scores), document, "single", rule, c))
        np.testing.assert_allclose(voted[:, 1], expected, rtol=1e-12)


def test_more_labels_are_voted_each_and_add_up_to_one():
    logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    voted = softmax(vote_logits(logits, np.array([0, 0]), "single", "max", 2.0))
    np.testing.assert_allclose(voted, np.array([[0.7, 0.3, 0.6]]) / 1.6)


def test_several_labels_are_voted_each_for_itself():
    probabilities = np.array([[0.9, 0.2], [0.5, 0.4]])
    voted = vote_logits(log_odds(probabilities), np.array([0, 0]), "multi", "mean", 2.0)
    np.testing.assert_allclose(1 / (1 + np.exp(-voted)), [[0.7, 0.3]])


def test_certain_chunks_stay_finite():
    voted = vote_logits(np.array([[-1e4, 1e4], [1e4, -1e4]]), np.array([0, 1]), "single", "max", 2)
    assert np.isfinite(voted).all()
    assert voted.argmax(axis=1).tolist() == [1, 0]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Folds by patient: every document tested once, no patient on two sides."""

import numpy as np
import pytest

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.examples import Example, Split
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.tasks.long_documents.cross_validation import (
    fold_data,
    pooled_scores,
    ranks_within_fold,
)


def data_of(patients, grouped=True):
    examples = [
        Example(f"{p}-{n}", "text", None, str(int(p % 4 == 0)), f"p{p}" if grouped else None)
        for p in range(patients)
        for n in range(1 + p % 3)
    ]
    splits = {
        "train": Split("train", "t.jsonl", examples[: len(examples) // 2]),
        "test": Split("test", "s.jsonl", examples[len(examples) // 2 :]),
    }
    return LabelledData(find_dataset("mortality"), "single", ("0", "1"), splits, [])


def test_every_document_is_tested_once_and_patients_stay_together():
    data = data_of(40)
    folds = fold_data(data, 5, seed=1)
    tested = [e.id for fold in folds for e in fold.splits["test"].examples]
    everything = [e.id for split in data.splits.values() for e in split.examples]
    assert sorted(tested) == sorted(everything)
    for fold in folds:
        patients = [{e.group for e in split.examples} for split in fold.splits.values()]
        assert list(fold.splits) == ["train", "dev", "test"]
        assert not (patients[0] & patients[1] or patients[0] & patients[2])
        assert not patients[1] & patients[2]
        assert sum(map(len, patients)) == 40
        # A quarter of the patients is positive: two of the eight in each part.
        positive = {e.group for e in fold.splits["test"].examples if e.label == "1"}
        assert len(positive) == 2


def test_folds_depend_on_the_seed():
    ids = [
        [e.id for e in fold_data(data_of(40), 5, s)[0].splits["test"].examples] for s in (1, 1, 2)
    ]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("data", "folds", "words"),
    [
        (data_of(40), 2, "at least 3"),
        (data_of(4), 5, "received 5 for 4 patients"),
        (data_of(9, grouped=False), 3, "a patient for each document"),
    ],
)
def test_unfit_folds_are_refused(data, folds, words):
    with pytest.raises(ValueError, match=words):
        fold_data(data, folds, 0)


def test_ranks_make_folds_comparable():
    first, second = ([{"SCORE": str(s)} for s in scores] for scores in ((3, 1, 3, 2), (0.2, 0.1)))
    np.testing.assert_allclose(ranks_within_fold(first), [0.875, 0.25, 0.875, 0.5])
    np.testing.assert_allclose(ranks_within_fold(second), [1, 0.5])


def test_pooled_figures_are_those_of_all_documents():
    rows = [
        {"LABEL": str(int(p > 6)), "SCORE": str(p / 10), "SUBJECT_ID": f"p{p // 2}"}
        for p in range(10)
    ]
    scores = np.array([float(row["SCORE"]) for row in rows])
    found = pooled_scores(rows, scores, "1", draws=50)
    assert (found["auroc"], found["rp80"], found["documents"]) == (1, 1, 10)
    assert found["intervals"]["auroc"] == [1, 1] and found["intervals_draw"] == "patients"
    assert np.isclose(found["prevalence"], 0.3)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import json

import pytest

from clinicalbert_tf.datasets.folds import cross_validation_folds
from tests import support

GOLDEN = support.GOLDEN / "ner_features" / "expected"


def test_folds_equal_the_references():
    expected = json.loads((GOLDEN / "cv_splits.json").read_text("utf-8"))["folds"]
    names = [f"train-{n}" for n in range(66)] + [f"dev-{n}" for n in range(11)]
    names += [f"test-{n}" for n in range(12)]
    folds = cross_validation_folds(77, 12, 10)
    assert len(folds) == len(expected) == 10
    for fold, of in zip(folds, expected, strict=True):
        for part in ("train", "dev", "test"):
            assert [names[place] for place in getattr(fold, part)] == of[part]


@pytest.mark.parametrize("count", [9, 10, 28, 64, 200])
def test_every_sentence_is_tested_once_and_never_trained_on_in_its_fold(count):
    folds = cross_validation_folds(count, 7, 10)
    tested = [place for fold in folds for place in fold.test]
    assert sorted(tested) == list(range(count + 7))
    assert folds[9].test == list(range(count, count + 7)) == folds[0].dev
    for fold in folds:
        parts = [*fold.train, *fold.dev, *fold.test]
        assert sorted(parts) == list(range(count + 7)) and fold.dev and fold.train


def test_too_few_sentences():
    with pytest.raises(ValueError, match="10 folds, 3 and 8 sentences"):
        cross_validation_folds(8, 3, 10)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

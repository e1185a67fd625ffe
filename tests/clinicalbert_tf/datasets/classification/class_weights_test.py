"""Class weights: balanced by scikit-learn's rule, or as named."""

import numpy as np
import pytest

from clinicalbert_tf.datasets.classification.class_weights import parse_class_weights
from clinicalbert_tf.datasets.classification.examples import Example

LABELS = ("a", "b", "c")
EXAMPLES = [Example(str(n), "t", None, label) for n, label in enumerate("aaabbc")]


def test_balanced_equals_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = [e.label for e in EXAMPLES]
    expected = compute_class_weight("balanced", classes=np.array(list("abc")), y=labels)
    assert parse_class_weights("balanced", LABELS, EXAMPLES) == pytest.approx(expected)


def test_named_weights_and_none():
    assert parse_class_weights("", LABELS, EXAMPLES) == (1.0, 1.0, 1.0)
    assert parse_class_weights("c=3,a=0.5", LABELS, EXAMPLES) == (0.5, 1.0, 3.0)
    assert parse_class_weights("x=y=2", ["x=y", "z"], []) == (2.0, 1.0)


@pytest.mark.parametrize("text", ["d=1", "a", "a=-1", "a=0", "a=nan", "a=inf", "a=1,a=2", "=3"])
def test_wrong_weights_are_refused(text):
    with pytest.raises(ValueError, match="--class_weights"):
        parse_class_weights(text, LABELS, EXAMPLES)


def test_a_class_without_examples_cannot_be_balanced():
    with pytest.raises(ValueError, match="none of d"):
        parse_class_weights("balanced", "abcd", EXAMPLES)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

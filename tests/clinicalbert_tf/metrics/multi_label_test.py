"""Precision among the most probable labels, counted by hand."""

import numpy as np
import pytest

from clinicalbert_tf.metrics import multi_label


def row_of(true, labels=10):
    """A row in which the labels at these places are true."""
    return np.isin(np.arange(labels), true)


def test_precision_at_5_and_8_by_hand():
    gold = np.stack([row_of([0, 3, 6, 9]), row_of([8]), row_of([])])
    falling = np.linspace(0.9, 0.1, 10)
    probabilities = np.stack([falling, falling[::-1], falling])
    # The first row's best five are 0 to 4 (0 and 3 are true), its best eight 0 to 7 (6 too). The
    # second one's are 9 to 5 and 9 to 2, and 8 is true; nothing is true in the third.
    scores = multi_label.scores(list("abcdefghij"), gold, gold, probabilities)
    assert scores["precision_at_5"] == pytest.approx((2 / 5 + 1 / 5 + 0) / 3)
    assert scores["precision_at_8"] == pytest.approx((3 / 8 + 1 / 8 + 0) / 3)


def test_of_equal_probabilities_the_first_labels_count():
    probabilities = np.full((1, 10), 0.5)
    probabilities[0, 9] = 0.6
    gold = row_of([3, 4, 9])[None]
    # 9 comes first, then 0 to 3.
    assert multi_label.hits_at(gold, probabilities, 5).tolist() == [2]
    assert multi_label.precision_at(gold, probabilities, 5) == pytest.approx(2 / 5)


def test_figures_of_each_label_by_hand():
    gold = np.array([[1, 0], [1, 0], [0, 0]], bool)
    predicted = np.array([[1, 1], [0, 0], [0, 0]], bool)
    scores = multi_label.scores(["a", "b"], gold, predicted)
    assert scores["per_class"] == {
        "a": {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "gold": 2,
              "predicted": 1},
        "b": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "gold": 0, "predicted": 1},
    }  # fmt: skip
    assert scores["prevalence"] == {"a": pytest.approx(2 / 3), "b": 0.0}
    assert scores["f1_macro"] == pytest.approx(1 / 3)
    assert scores["reasons"]["precision_at_5"] == "no probabilities"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

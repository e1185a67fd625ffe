"""Temperature and threshold: chosen on dev, applied to any logits."""

import numpy as np
import pytest

from clinicalbert_tf.tasks.classification.decision import (
    Decision,
    decision_of,
    fit_temperature,
    fit_threshold,
)


def test_temperature_undoes_overconfidence():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 3)) * 2
    probabilities = Decision("single", ("a", "b", "c")).probabilities(logits)
    targets = np.array([generator.choice(3, p=p) for p in probabilities])
    assert fit_temperature("single", logits * 3, targets) == pytest.approx(3, rel=0.1)
    assert fit_temperature("single", logits / 2, targets) == pytest.approx(0.5, rel=0.1)


def test_temperature_of_several_labels():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(4000, 2)) * 2
    targets = (generator.random((4000, 2)) < 1 / (1 + np.exp(-logits))).astype(int)
    assert fit_temperature("multi", logits * 2, targets) == pytest.approx(2, rel=0.15)


def test_separable_dev_examples_give_a_bounded_temperature():
    assert (
        0.05 <= fit_temperature("single", np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([0, 1])) < 1
    )


def test_threshold_maximises_the_value_and_keeps_half_on_ties():
    scores = np.array([0.1, 0.2, 0.3, 0.9])
    gold = np.array([0, 1, 1, 1])
    assert 0.1 < fit_threshold(scores, lambda t: float(np.mean((scores >= t) == gold))) < 0.2
    assert fit_threshold(scores, lambda t: 1.0) == 0.5
    assert fit_threshold(np.array([0.4]), lambda t: 1.0) == 0.5


def test_two_labels_with_a_threshold():
    decision = Decision("single", ("no", "yes"), threshold=0.3, positive_label="yes")
    assert decision.decide(np.array([[0.6, 0.4], [0.8, 0.2], [0.7, 0.3]])).tolist() == [1, 0, 1]
    reversed_labels = Decision("single", ("1", "0"), threshold=0.7, positive_label="1")
    assert reversed_labels.decide(np.array([[0.6, 0.4], [0.7, 0.3]])).tolist() == [1, 0]


def test_ties_go_to_the_first_label_without_a_threshold():
    decision = Decision("single", ("0", "1"), positive_label="1")
    assert decision.decide(np.array([[0.5, 0.5]])).tolist() == [0]


def test_probabilities_of_extreme_logits_are_finite():
    decision = Decision("single", ("a", "b"))
    assert decision.probabilities(np.array([[1e4, -1e4]])).tolist() == [[1.0, 0.0]]
    several = Decision("multi", ("a", "b"))
    assert several.probabilities(np.array([[1e4, -1e4]])).tolist() == [[1.0, pytest.approx(0)]]
    assert several.decide(np.array([[0.5, 0.4]])).tolist() == [[True, False]]


def test_numbers_are_the_logits():
    assert Decision("regression", ()).probabilities(np.array([[1.5], [2.0]])).tolist() == [1.5, 2.0]


def test_what_is_kept_comes_back():
    decision = Decision("single", ("0", "1"), 2.5, 0.4, "1")
    assert decision_of("single", ["0", "1"], decision.to_json()) == decision
    assert decision_of("single", ["0", "1"], {}) == Decision("single", ("0", "1"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

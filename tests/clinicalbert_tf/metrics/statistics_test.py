"""Statistics of rows with several labels against the scores of the rows that were drawn."""

import numpy as np
import pytest

from clinicalbert_tf.metrics import intervals, multi_label, statistics
from clinicalbert_tf.metrics.intervals import Bootstrap

ROWS, LABELS = 40, 9
FIGURES = {
    "accuracy", "f1_micro", "f1_macro", "auroc", "auroc_micro", "precision_at_5", "precision_at_8",
    "brier",
}  # fmt: skip


@pytest.fixture
def rows():
    """(gold, predicted, probabilities) with equal probabilities and a label that never occurs."""
    random = np.random.default_rng(0)
    gold = random.random((ROWS, LABELS)) < 0.3
    gold[:, 4] = False
    probabilities = (random.integers(8, size=gold.shape) + 4 * gold) / 12
    return gold, probabilities > 0.5, probabilities


def test_statistics_equal_the_scores_of_the_drawn_rows(rows, monkeypatch):
    # Few enough cells that the micro AUROC takes its draws in several pieces.
    monkeypatch.setattr(statistics, "CELLS_AT_ONCE", 3 * ROWS * LABELS)
    functions = statistics.of_multi_label(*rows)
    assert set(functions) == FIGURES
    drawn = next(intervals.replicate_weights(ROWS, bootstrap=Bootstrap(7)))
    weights = np.concatenate([np.ones((1, ROWS)), drawn])
    values = {name: function(weights) for name, function in functions.items()}
    for place, counts in enumerate(weights):
        chosen = np.repeat(np.arange(ROWS), counts.astype(int))
        expected = multi_label.scores("abcdefghi", *(table[chosen] for table in rows))
        for name in FIGURES:
            assert values[name][place] == pytest.approx(expected[name]), name


def test_figures_that_are_not_defined_are_left_out(rows):
    decided = statistics.of_multi_label(*rows[:2])
    assert set(decided) == {"accuracy", "f1_micro", "f1_macro"}
    few = statistics.of_multi_label(*(table[:, :6] for table in rows))
    assert "precision_at_5" in few and "precision_at_8" not in few
    none = np.zeros((3, 2), bool)
    functions = statistics.of_multi_label(none, none, np.ones((3, 2)))
    found = intervals.intervals(functions, 3, bootstrap=Bootstrap(5))
    assert found["auroc"] is found["auroc_micro"] is None
    assert found["f1_macro"] == [0.0, 0.0]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

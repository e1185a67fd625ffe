"""Two systems compared: a paired bootstrap by group against one that draws rows and scores them."""

import json

import numpy as np
import pytest

from clinicalbert_tf.metrics import multi_label
from clinicalbert_tf.tasks.classification.decision import Decision
from clinicalbert_tf.tasks.classification.scores import compare

DRAWS, ROWS = 12, 30
LABELS = tuple("abcdefghij")
COMPARED = (
    "f1_micro", "f1_macro", "auroc_micro", "auroc", "precision_at_5", "precision_at_8",
)  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    """(targets, ours, theirs, the patient of each row): ours tells more."""
    random = np.random.default_rng(5)
    targets = (random.random((ROWS, len(LABELS))) < 0.3).astype(np.float32)
    ours, theirs = (np.clip(random.random(targets.shape) + s * targets, 0, 1) for s in (0.4, 0.1))
    return targets, ours, theirs, [f"p{number // 3}" for number in range(ROWS)]


def slow_differences(decision, targets, ours, theirs, patients):
    """{figure: differences}: of all rows first, then of each draw of whole patients."""
    gold, names = targets.astype(bool), sorted(set(patients))
    random = np.random.default_rng(12345)
    draws = [range(ROWS)]
    for _ in range(DRAWS):
        drawn = random.integers(len(names), size=len(names))
        draws.append([r for place in drawn for r in range(ROWS) if patients[r] == names[place]])
    found = {name: [] for name in COMPARED}
    for rows in map(list, draws):
        systems = ((ours, decision.threshold), (theirs, 0.5))
        first, second = (
            multi_label.scores(LABELS, gold[rows], table[rows] >= threshold, table[rows])
            for table, threshold in systems
        )
        for name in COMPARED:
            found[name].append(first[name] - second[name])
    return found


def test_several_labels_equal_scoring_each_draw(tables):
    targets, ours, theirs, patients = tables
    decision = Decision("multi", LABELS, threshold=0.6)
    found = compare(decision, targets, ours, theirs, "f1_micro", None, DRAWS, patients)
    for name, (observed, *drawn) in slow_differences(
        decision, targets, ours, theirs, patients
    ).items():
        difference = found["differences"][name]
        assert difference["difference"] == pytest.approx(observed), name
        assert difference["interval"] == pytest.approx(np.quantile(drawn, (0.025, 0.975))), name
        tail = min(np.mean(np.array(drawn) <= 0), np.mean(np.array(drawn) >= 0))
        assert difference["p"] == pytest.approx(min(1, max(2 * tail, 1 / DRAWS))), name
    # The figure that decides stands where that of two labels does.
    assert found["difference"] == {"metric": "f1_micro", **found["differences"]["f1_micro"]}
    assert set(found["differences"]) == set(COMPARED)
    json.dumps(found, allow_nan=False)


def test_figures_that_are_not_defined_are_not_compared(tables):
    targets, ours, theirs, patients = (t[:, :6] if isinstance(t, np.ndarray) else t for t in tables)
    targets = np.zeros_like(targets)
    decision = Decision("multi", LABELS[:6])
    found = compare(decision, targets, ours, theirs, "f1_macro", None, 5, patients)
    assert "precision_at_8" not in found["differences"]
    nothing = {"difference": None, "interval": None, "p": None}
    assert found["differences"]["auroc"] == found["differences"]["auroc_micro"] == nothing


def test_numbers_are_compared_by_their_errors():
    decision, targets = Decision("regression", ()), np.array([1.0, 2.0, 3.0])
    found = compare(
        decision, targets, targets + 0.5, targets - 1, "mean_squared_error", None, 50, None
    )["difference"]
    assert found["metric"] == "mean_squared_error"
    assert found["difference"] == pytest.approx(0.25 - 1)
    assert found["interval"] == pytest.approx([-0.75, -0.75]) and found["p"] == 1 / 50


def test_figure_without_an_interval_is_not_compared():
    decision, targets = Decision("regression", ()), np.array([1.0, 2.0])
    found = compare(decision, targets, targets, targets, "pearson", None, 5, None)
    assert found == {"difference": None}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

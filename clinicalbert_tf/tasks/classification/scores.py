"""Scores of a split's predictions, and of two systems compared, for metrics.json."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.metrics import classification, intervals, multi_label, regression, statistics
from clinicalbert_tf.tasks.classification.decision import Decision

_SEED = 12345
# What metrics.json has of every split.
_REQUIRED = regression.FIGURES_OF_CLASSES
# What two systems with several labels per example are compared in.
_COMPARED = (
    "f1_micro", "f1_macro", "auroc_micro", "auroc", "precision_at_5", "precision_at_8",
)  # fmt: skip


def score_split(
    decision: Decision,
    targets: np.ndarray,
    probabilities: np.ndarray,
    counted: Sequence[str] | None = None,
    draws: int = 0,
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Every metric of a split, with intervals if `draws` is not 0.

    Args:
        decision: how probabilities become labels.
        targets: int label ids [examples]; 0 and 1 [examples, labels] for several labels; numbers
            [examples] for regression.
        probabilities: float [examples, labels]; predicted numbers [examples] for regression.
        counted: the classes that F1 counts; None for the default of metrics.classification.
        draws: bootstrap replicates.
        groups: the group of each example, drawn whole; None draws examples.

    Returns:
        A dict for strict JSON; what cannot be computed is None, with its reason.
    """
    if decision.problem_type == "regression":
        result = regression.scores(targets, probabilities)
    elif decision.problem_type == "multi":
        predicted = decision.decide(probabilities)
        result = multi_label.scores(decision.labels, targets.astype(bool), predicted, probabilities)
    else:
        rows = rows_of(decision, targets, probabilities)
        result = classification.scores(rows, counted, decision.positive_label)
    if draws:
        functions = statistics_of(decision, targets, probabilities, counted)
        bootstrap = intervals.Bootstrap(draws, seed=_SEED)
        result["intervals"] = intervals.intervals(functions, len(targets), groups, bootstrap)
        result["intervals_draw"] = "examples" if groups is None else "groups"
    return result


def without_labels(rows: int) -> dict[str, Any]:
    """The figures of a split that cannot be scored: None, with the reason."""
    reasons = dict.fromkeys(_REQUIRED, "some examples have no label")
    return {**dict.fromkeys(_REQUIRED), "rows": rows, "reasons": reasons}


def statistics_of(
    decision: Decision,
    targets: np.ndarray,
    probabilities: np.ndarray,
    counted: Sequence[str] | None = None,
) -> dict[str, intervals.Statistic]:
    """The figures that get an interval, as functions of bootstrap weights; see score_split."""
    if decision.problem_type == "regression":
        return statistics.of_errors(targets, probabilities)
    if decision.problem_type == "multi":
        predicted = decision.decide(probabilities)
        return statistics.of_multi_label(targets.astype(bool), predicted, probabilities)
    rows = rows_of(decision, targets, probabilities)
    return statistics.of_classification(rows, counted, decision.positive_label)


def compare(
    decision: Decision,
    targets: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    metric: str,
    counted: Sequence[str] | None,
    draws: int,
    groups: Sequence[str] | None,
) -> dict[str, Any]:
    """The paired bootstrap of our figures minus theirs, as metrics.json has it.

    Args:
        decision: ours; theirs is the most probable label, or those of at least one half.
        targets, counted, draws, groups: see score_split.
        ours, theirs: probabilities, or numbers of a regression.
        metric: the figure that decides.

    Returns:
        "difference": {"metric", "difference", "interval", "p"}, or None if the metric has no
        interval; with several labels per example also "differences": {name: {"difference",
        "interval", "p"}}, since no one figure says all.
    """
    systems = [
        statistics_of(own, targets, probabilities, counted)
        for own, probabilities in ((decision, ours), (_plain(decision), theirs))
    ]
    if any(metric not in system for system in systems):
        return {"difference": None}
    bootstrap = intervals.Bootstrap(max(draws, 1), seed=_SEED)

    def difference(name: str) -> dict[str, Any]:
        pair = (system[name] for system in systems)
        return intervals.paired_difference(*pair, len(targets), groups, bootstrap)

    found = {"difference": {"metric": metric, **difference(metric)}}
    if decision.problem_type == "multi":
        names = (name for name in _COMPARED if name in systems[0])
        found["differences"] = {name: difference(name) for name in names}
    return found


def rows_of(
    decision: Decision, targets: np.ndarray, probabilities: np.ndarray
) -> classification.Rows:
    """Single-label predictions as metrics.classification takes them."""
    predicted = decision.decide(probabilities)
    return classification.Rows(decision.labels, np.asarray(targets), predicted, probabilities)


def positive_label(problem_type: str, labels: Sequence[str]) -> str | None:
    """The positive one of two labels; None unless there are two."""
    if problem_type != "single" or len(labels) != 2:
        return None
    return classification.positive_of(labels)


def errors_by_length(lengths: np.ndarray, wrong: np.ndarray, bins: int = 5) -> list[dict[str, int]]:
    """Errors of examples of like lengths: bins of about as many examples each, shortest first.

    Args:
        lengths: int [examples], tokens of each.
        wrong: bool [examples].
        bins: bins at most; fewer if lengths are equal.
    """
    ends = np.unique(np.quantile(lengths, np.linspace(0, 1, bins + 1)[1:], method="higher"))
    places = np.searchsorted(ends, lengths)
    return [
        {
            "tokens": int(end),
            "examples": int((places == place).sum()),
            "errors": int(wrong[places == place].sum()),
        }
        for place, end in enumerate(ends)
    ]


def _plain(decision: Decision) -> Decision:
    return Decision(decision.problem_type, decision.labels, 1.0, 0.5, decision.positive_label)

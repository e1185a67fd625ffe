"""Scores of a split's predictions, for choosing on dev and for metrics.json."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.metrics import classification, intervals, multi_label, regression, statistics
from clinicalbert_tf.tasks.classification.decision import Decision

_SEED = 12345


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
        errors = np.asarray(targets, np.float64) - probabilities
        functions = {
            "mean_squared_error": intervals.mean_of(errors**2),
            "mean_absolute_error": intervals.mean_of(np.abs(errors)),
        }
    elif decision.problem_type == "multi":
        gold, predicted = targets.astype(bool), decision.decide(probabilities)
        result = multi_label.scores(decision.labels, gold, predicted, probabilities)
        counts = (gold & predicted).sum(1), predicted.sum(1), gold.sum(1)
        functions = {
            "accuracy": intervals.mean_of((gold == predicted).all(axis=1)),
            "f1_micro": intervals.f1_of(*counts),
        }
    else:
        rows = rows_of(decision, targets, probabilities)
        result = classification.scores(rows, counted, decision.positive_label)
        functions = {}
        if draws:
            functions = statistics.of_classification(rows, counted, decision.positive_label)
    if draws:
        bootstrap = intervals.Bootstrap(draws, seed=_SEED)
        result["intervals"] = intervals.intervals(functions, len(targets), groups, bootstrap)
        result["intervals_draw"] = "examples" if groups is None else "groups"
    return result


def value_of_decision(
    decision: Decision,
    targets: np.ndarray,
    probabilities: np.ndarray,
    metric: str,
    counted: Sequence[str] | None = None,
) -> float | None:
    """One figure that depends on the threshold; quick enough to try many of them.

    Args:
        decision, targets, probabilities, counted: see score_split.
        metric: accuracy, f1, f1_micro or f1_macro.
    """
    if decision.problem_type == "multi":
        predicted = decision.decide(probabilities)
        # Without probabilities no ranking is computed, which no threshold changes.
        return multi_label.scores(decision.labels, targets.astype(bool), predicted)[metric]
    return score_split(decision, targets, probabilities, counted)[metric]


def compare(
    decision: Decision,
    targets: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    metric: str,
    counted: Sequence[str] | None,
    draws: int,
    groups: Sequence[str] | None,
) -> dict[str, Any] | None:
    """The paired bootstrap of our metric minus theirs; None if the metric has no interval."""
    if decision.problem_type != "single":
        return None
    made = []
    for own, probabilities in ((decision, ours), (_plain(decision), theirs)):
        rows = rows_of(own, targets, probabilities)
        made.append(statistics.of_classification(rows, counted, decision.positive_label))
    if metric not in made[0] or metric not in made[1]:
        return None
    bootstrap = intervals.Bootstrap(max(draws, 1), seed=_SEED)
    found = intervals.paired_difference(
        made[0][metric], made[1][metric], len(targets), groups, bootstrap
    )
    return {"metric": metric, **found}


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

"""Which statistics of a task get an interval, as functions of bootstrap weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from clinicalbert_tf.metrics.classification import Rows, counted_classes, positive_of
from clinicalbert_tf.metrics.intervals import (
    Statistic,
    f1_of,
    macro_f1_of,
    mean_of,
    ranking_of,
)

_RANKINGS = ("auroc", "average_precision", "auprc_trapezoid")


def of_classification(
    rows: Rows, classes: Sequence[str] | None = None, positive_label: str | None = None
) -> dict[str, Statistic]:
    """Returns the statistics of `classification.scores`; ranking needs probabilities."""
    counted = [c for c in classes or counted_classes(rows.labels, positive_label)]
    indices = [rows.labels.index(label) for label in counted if label in rows.labels]
    of_gold, of_predicted = np.isin(rows.gold, indices), np.isin(rows.predicted, indices)
    right = rows.gold == rows.predicted
    statistics = {
        "accuracy": mean_of(right),
        "f1_micro": f1_of(right & of_gold, of_predicted, of_gold),
        "f1_macro": macro_f1_of(rows.gold, rows.predicted, len(rows.labels), indices),
    }
    binary = len(rows.labels) == 2
    if binary:
        positive = rows.labels.index(positive_label or positive_of(rows.labels))
        true, found = rows.gold == positive, rows.predicted == positive
        for which, name in enumerate(("precision", "recall", "f1")):
            statistics[name] = f1_of(true & found, found, true, which)
    if rows.probabilities is not None and len(rows.labels) > 1:
        columns = [positive] if binary else np.unique(rows.gold)
        for name in _RANKINGS:
            parts = [ranking_of(rows.gold == i, rows.probabilities[:, i], name) for i in columns]
            statistics[name] = _mean(parts)
        truth = np.eye(len(rows.labels))[rows.gold]
        squares = ((rows.probabilities - truth) ** 2).sum(axis=1)
        statistics["brier"] = mean_of(squares / 2 if binary else squares)
    return statistics


def of_documents(targets: np.ndarray, values: np.ndarray) -> dict[str, Statistic]:
    """Returns the statistics of `documents.scores` except the recall at precision 80%."""
    return {name: ranking_of(targets, values, name) for name in _RANKINGS}


def of_counts(correct: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> dict[str, Statistic]:
    """Returns precision, recall and F1 of entity counts per sentence or document."""
    return {
        name: f1_of(correct, predicted, gold, which)
        for which, name in enumerate(("precision", "recall", "f1"))
    }


def of_means(values: Mapping[str, np.ndarray]) -> dict[str, Statistic]:
    """Returns the mean of each value per row, e.g. exact match and F1 of each question."""
    return {name: mean_of(rows) for name, rows in values.items()}


def _mean(parts: list[Statistic]) -> Statistic:
    if len(parts) == 1:
        return parts[0]

    def statistic(weights: np.ndarray) -> np.ndarray:
        values = np.stack([part(weights) for part in parts])
        defined = np.isfinite(values)
        count = defined.sum(axis=0)
        total = np.where(defined, values, 0.0).sum(axis=0)
        return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)

    return statistic

"""Which statistics of a task get an interval, as functions of bootstrap weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from clinicalbert_tf.metrics.classification import (
    Rows,
    counted_classes,
    positive_of,
    precision_recall_f1,
    ratio,
)
from clinicalbert_tf.metrics.intervals import (
    Statistic,
    f1_of,
    macro_f1_of,
    mean_of,
    ranking_of,
)
from clinicalbert_tf.metrics.multi_label import hits_at

_RANKINGS = ("auroc", "average_precision", "auprc_trapezoid")
# Weights of (row, label) cells held at once by the micro AUROC: 2**21 float64 are 16 MiB.
CELLS_AT_ONCE = 2**21


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


def of_multi_label(
    gold: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray | None = None
) -> dict[str, Statistic]:
    """Returns the statistics of `multi_label.scores` that are defined; rows are drawn whole.

    Args:
        gold, predicted: bool arrays [rows, labels].
        probabilities: float array [rows, labels], or None: then nothing is ranked.
    """
    counts = (gold & predicted).sum(1), predicted.sum(1), gold.sum(1)
    statistics = {
        "accuracy": mean_of((gold == predicted).all(axis=1)),
        "f1_micro": f1_of(*counts),
        "f1_macro": _f1_over_labels(gold, predicted),
    }
    if probabilities is None:
        return statistics
    columns = zip(gold.T, probabilities.T, strict=True)
    statistics["auroc"] = _mean([ranking_of(*column, "auroc") for column in columns])
    statistics["auroc_micro"] = _micro_auroc(gold, probabilities)
    for k in (5, 8):
        if gold.shape[1] >= k:
            statistics[f"precision_at_{k}"] = mean_of(hits_at(gold, probabilities, k) / k)
    statistics["brier"] = mean_of(((probabilities - gold) ** 2).mean(axis=1))
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


def of_errors(gold: np.ndarray, predicted: np.ndarray) -> dict[str, Statistic]:
    """Returns the mean squared and the mean absolute error of predicted numbers."""
    errors = np.asarray(gold, np.float64) - predicted
    return of_means({"mean_squared_error": errors**2, "mean_absolute_error": np.abs(errors)})


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


def _f1_over_labels(gold: np.ndarray, predicted: np.ndarray) -> Statistic:
    """The mean F1 of the labels that occur among the drawn rows; 0 if none does."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        correct, found, true = weights @ (gold & predicted), weights @ predicted, weights @ gold
        f1 = precision_recall_f1(correct, found, true)[2]
        return ratio(f1.sum(axis=1), ((found + true) > 0).sum(axis=1))

    return statistic


def _micro_auroc(gold: np.ndarray, probabilities: np.ndarray) -> Statistic:
    """The AUROC over all (row, label) cells, each as often as its row was drawn."""
    of_cells = ranking_of(gold.ravel(), probabilities.ravel(), "auroc")
    at_once = max(1, CELLS_AT_ONCE // gold.size)

    def statistic(weights: np.ndarray) -> np.ndarray:
        pieces = (weights[i : i + at_once] for i in range(0, len(weights), at_once))
        return np.concatenate([of_cells(np.repeat(p, gold.shape[1], axis=1)) for p in pieces])

    return statistic

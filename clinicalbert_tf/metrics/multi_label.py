"""Scores of any number of labels per row."""

from collections.abc import Callable, Sequence

import numpy as np

from clinicalbert_tf.metrics import ranking
from clinicalbert_tf.metrics.classification import precision_recall_f1
from clinicalbert_tf.metrics.undefined import UndefinedMetricError, evaluate


def example_f1(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the mean over rows of F1 between the row's gold and predicted labels.

    A row without any gold and predicted label counts 1: nothing was to be found and nothing was.

    Args:
        gold, predicted: bool arrays [rows, labels].

    Source: example-based F1 of Tsoumakas and Katakis 2007; scikit-learn's average="samples",
    zero_division=1.
    """
    both = (gold & predicted).sum(axis=1)
    sizes = gold.sum(axis=1) + predicted.sum(axis=1)
    return float(np.mean(np.where(sizes == 0, 1.0, 2 * both / np.maximum(sizes, 1))))


def precision_at(gold: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """Returns the mean share of true labels among each row's k most probable ones.

    Raises:
        UndefinedMetricError: there are fewer than k labels.
    """
    if gold.shape[1] < k:
        raise UndefinedMetricError(f"fewer than {k} labels")
    return float(np.mean(hits_at(gold, probabilities, k) / k))


def hits_at(gold: np.ndarray, probabilities: np.ndarray, k: int) -> np.ndarray:
    """Returns how many of each row's k most probable labels are true: int array [rows].

    Of equal probabilities those of earlier labels come first.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(gold, best, axis=1).sum(axis=1)


def scores(
    labels: Sequence[str],
    gold: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray | None = None,
) -> dict:
    """Returns every metric of a multi-label classification.

    Args:
        labels: names of the columns.
        gold, predicted: bool arrays [rows, labels].
        probabilities: float array [rows, labels], each column for itself, or None.

    Returns:
        A dict for strict JSON: accuracy (all labels of a row right), example_f1, f1_micro,
        f1_macro, auroc, average_precision and auprc_trapezoid (means over the labels in which both
        answers occur), auroc_micro, brier (mean over all cells), precision_at_5 and _8, per_class,
        prevalence; None with "reasons".

    Raises:
        ValueError: no rows.
    """
    if not len(gold):
        raise ValueError("Expected at least one row to score, received none.")
    counts = (gold & predicted).sum(0), predicted.sum(0), gold.sum(0)
    values, reasons = evaluate(
        {**_of_decisions(gold, predicted, counts), **_of_rankings(gold, probabilities)}
    )
    return {
        "rows": len(gold),
        **values,
        "f1_classes": list(labels),
        "prevalence": {
            label: float(n) / len(gold) for label, n in zip(labels, counts[2], strict=True)
        },
        "per_class": _per_class(labels, *counts),
        "reasons": reasons,
    }


def _of_decisions(
    gold: np.ndarray, predicted: np.ndarray, counts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> dict[str, Callable[[], float]]:
    """Functions of the metrics of decided labels; counts: correct, predicted, gold [labels]."""
    _, found, true = counts
    occurs = (found + true) > 0
    f1 = precision_recall_f1(*counts)[2]
    return {
        "accuracy": lambda: np.mean((gold == predicted).all(axis=1)),
        "example_f1": lambda: example_f1(gold, predicted),
        "f1_micro": lambda: precision_recall_f1(*(count.sum() for count in counts))[2],
        "f1_macro": lambda: np.mean(f1[occurs]) if occurs.any() else 0.0,
    }


def _of_rankings(
    gold: np.ndarray, probabilities: np.ndarray | None
) -> dict[str, Callable[[], float]]:
    """Functions of the metrics of probabilities; without any, each says so."""

    def known() -> np.ndarray:
        if probabilities is None:
            raise UndefinedMetricError("no probabilities")
        return probabilities

    over_labels = {
        "auroc": ranking.auroc,
        "average_precision": ranking.average_precision,
        "auprc_trapezoid": ranking.auprc_trapezoid,
    }
    return {
        **{
            name: lambda metric=metric: _mean_over_labels(gold, known(), metric)
            for name, metric in over_labels.items()
        },
        "auroc_micro": lambda: ranking.auroc(gold.ravel(), known().ravel()),
        "brier": lambda: np.mean((known() - gold) ** 2),
        "precision_at_5": lambda: precision_at(gold, known(), 5),
        "precision_at_8": lambda: precision_at(gold, known(), 8),
    }


def _per_class(
    labels: Sequence[str], correct: np.ndarray, found: np.ndarray, true: np.ndarray
) -> dict[str, dict[str, float]]:
    columns = zip(*precision_recall_f1(correct, found, true), true, found, strict=True)
    names = ("precision", "recall", "f1")
    return {
        label: {
            **{name: float(value) for name, value in zip(names, ratios, strict=True)},
            "gold": int(gold),
            "predicted": int(predicted),
        }
        for label, (*ratios, gold, predicted) in zip(labels, columns, strict=True)
    }


def _mean_over_labels(gold: np.ndarray, probabilities: np.ndarray, metric) -> float:
    columns = [i for i in range(gold.shape[1]) if gold[:, i].any() and not gold[:, i].all()]
    if not columns:
        raise UndefinedMetricError("no label has both a positive and a negative row")
    return float(np.mean([metric(gold[:, i], probabilities[:, i]) for i in columns]))

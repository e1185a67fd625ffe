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
    # Stable, so that equal probabilities are taken in the order of the labels.
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean(np.take_along_axis(gold, best, axis=1)))


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
            f1_macro, auroc,
        average_precision and auprc_trapezoid (means over the labels in which both answers occur),
        auroc_micro, brier (mean over all cells), precision_at_5 and _8, per_class, prevalence; None
        with "reasons".

    Raises:
        ValueError: no rows.
    """
    if not len(gold):
        raise ValueError("Expected at least one row to score, received none.")
    correct, found, true = (gold & predicted).sum(0), predicted.sum(0), gold.sum(0)
    precision, recall, f1 = precision_recall_f1(correct, found, true)
    known = _check(probabilities)
    values, reasons = evaluate(
        {
            "accuracy": lambda: np.mean((gold == predicted).all(axis=1)),
            "example_f1": lambda: example_f1(gold, predicted),
            "f1_micro": lambda: precision_recall_f1(correct.sum(), found.sum(), true.sum())[2],
            "f1_macro": lambda: np.mean(f1[(found + true) > 0]) if (found + true).any() else 0.0,
            "auroc": lambda: _mean_over_labels(gold, known(), ranking.auroc),
            "auroc_micro": lambda: ranking.auroc(gold.ravel(), known().ravel()),
            "average_precision": lambda: _mean_over_labels(
                gold, known(), ranking.average_precision
            ),
            "auprc_trapezoid": lambda: _mean_over_labels(gold, known(), ranking.auprc_trapezoid),
            "brier": lambda: np.mean((known() - gold) ** 2),
            "precision_at_5": lambda: precision_at(gold, known(), 5),
            "precision_at_8": lambda: precision_at(gold, known(), 8),
        }
    )
    columns = zip(labels, precision, recall, f1, true, found, strict=True)
    return {
        "rows": len(gold),
        **values,
        "f1_classes": list(labels),
        "prevalence": {label: float(n) / len(gold) for label, n in zip(labels, true, strict=True)},
        "per_class": {
            label: {
                "precision": float(p),
                "recall": float(r),
                "f1": float(f),
                "gold": int(g),
                "predicted": int(n),
            }
            for label, p, r, f, g, n in columns
        },
        "reasons": reasons,
    }


def _check(probabilities: np.ndarray | None) -> Callable[[], np.ndarray]:
    def known() -> np.ndarray:
        if probabilities is None:
            raise UndefinedMetricError("no probabilities")
        return probabilities

    return known


def _mean_over_labels(gold: np.ndarray, probabilities: np.ndarray, metric) -> float:
    columns = [i for i in range(gold.shape[1]) if gold[:, i].any() and not gold[:, i].all()]
    if not columns:
        raise UndefinedMetricError("no label has both a positive and a negative row")
    return float(np.mean([metric(gold[:, i], probabilities[:, i]) for i in columns]))

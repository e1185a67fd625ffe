"""Scores of one label per row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clinicalbert_tf.metrics import calibration, ranking
from clinicalbert_tf.metrics.undefined import UndefinedMetricError, evaluate

# The class "none of the relations" of ChemProt, DDI and i2b2 2010: it never counts in their F1.
NO_RELATION = "false"


@dataclass(frozen=True)
class Rows:
    """Gold and predicted classes as indices into `labels`.

    Attributes:
        labels: the classes' names.
        gold, predicted: int arrays [rows].
        probabilities: float array [rows, classes], or None if there are none.
    """

    labels: tuple[str, ...]
    gold: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None = None


def confusion_matrix(gold: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts rows by (gold class, predicted class): int array [classes, classes]."""
    cells = np.asarray(gold, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def ratio(numerator, denominator):
    """Divides; 0 if the denominator is 0, as the reference scorers print it."""
    numerator, denominator = np.broadcast_arrays(
        np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    )
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator != 0)


def precision_recall_f1(correct, predicted, gold):
    """Returns precision, recall and F1 of counts (numbers or arrays of one shape), 0 for 0 / 0."""
    precision, recall = ratio(correct, predicted), ratio(correct, gold)
    return precision, recall, ratio(2 * precision * recall, precision + recall)


def counted_classes(labels: Sequence[str], positive_label: str | None = None) -> tuple[str, ...]:
    """Returns the classes that F1 counts by default: all except "false" of several relations."""
    if len(labels) > 2 and NO_RELATION in labels and positive_label is None:
        return tuple(label for label in labels if label != NO_RELATION)
    return tuple(labels)


def positive_of(labels: Sequence[str]) -> str:
    """Returns the positive class of two: the last in order, unless that is "false"."""
    ordered = sorted(labels)
    return ordered[-2] if ordered[-1] == NO_RELATION else ordered[-1]


def micro_f1(matrix: np.ndarray, indices: Sequence[int]) -> tuple[float, float, float]:
    """Returns precision, recall and F1 over the named classes together.

    A row that is neither of nor predicted as a named class never counts, and it does not matter
    which classes the rows hold (BioBERT's script numbers the classes by what occurs, which shifts
    them).

    Args:
        matrix: int array [classes, classes] as `confusion_matrix` returns.
        indices: the named classes.

    Source: BioBERT (Lee et al. 2019), re_eval.py, chemprot.
    """
    indices = list(indices)
    correct = matrix[indices, indices].sum()
    scores = precision_recall_f1(correct, matrix[:, indices].sum(), matrix[indices].sum())
    return tuple(float(score) for score in scores)


def macro_f1(matrix: np.ndarray, indices: Sequence[int]) -> float:
    """Returns the mean F1 of the named classes that occur in gold or predictions."""
    _, _, f1 = precision_recall_f1(np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1))
    occurring = [i for i in indices if matrix[i].sum() + matrix[:, i].sum()]
    if not occurring:
        raise UndefinedMetricError("none of the counted classes occurs")
    return float(np.mean(f1[occurring]))


def per_class(matrix: np.ndarray, labels: Sequence[str]) -> dict[str, dict]:
    """Returns precision, recall, F1 and counts of each class."""
    correct, predicted, gold = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    precision, recall, f1 = precision_recall_f1(correct, predicted, gold)
    return {
        label: {
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "gold": int(gold[i]),
            "predicted": int(predicted[i]),
        }
        for i, label in enumerate(labels)
    }


def binary_scores(matrix: np.ndarray, positive: int) -> dict[str, float]:
    """Returns precision, recall, F1 and specificity of the positive one of two classes.

    Source: BioBERT (Lee et al. 2019), re_eval.py, binary.
    """
    negative = 1 - positive
    precision, recall, f1 = precision_recall_f1(
        matrix[positive, positive], matrix[:, positive].sum(), matrix[positive].sum()
    )
    specificity = ratio(matrix[negative, negative], matrix[negative].sum())
    names = ("precision", "recall", "f1", "specificity")
    return {n: float(v) for n, v in zip(names, (precision, recall, f1, specificity), strict=True)}


def one_against_rest(rows: Rows, metric, positive: str | None) -> float:
    """Returns a ranking metric of the positive class, or its mean over the classes in gold.

    Args:
        rows: with probabilities.
        metric: function (targets, scores) -> float, of `ranking`.
        positive: the positive class of two; None for the mean over classes.

    Raises:
        UndefinedMetricError: no probabilities, or only one class in gold.
    """
    if rows.probabilities is None:
        raise UndefinedMetricError("no probabilities")
    if positive is not None:
        index = rows.labels.index(positive)
        return metric(rows.gold == index, rows.probabilities[:, index])
    present = np.unique(rows.gold)
    if len(present) < 2:
        raise UndefinedMetricError("only one class in the gold labels")
    return float(np.mean([metric(rows.gold == i, rows.probabilities[:, i]) for i in present]))


def scores(
    rows: Rows, classes: Sequence[str] | None = None, positive_label: str | None = None
) -> dict:
    """Returns every metric of a classification with one label per row.

    Args:
        rows: gold and predicted classes, with probabilities if there are any.
        classes: the classes that micro and macro F1 count; None for all except "false" if there
            are more than two classes. They need not occur.
        positive_label: the positive one of two classes; None for `positive_of`.

    Returns:
        A dict for strict JSON: accuracy, f1_micro, f1_macro, auroc, average_precision,
        auprc_trapezoid (of the positive class of two, else the mean over the classes in gold
        against the rest), brier, ece, per_class, confusion_matrix, prevalence, and for two classes
        precision, recall, f1, specificity. None if one cannot be computed; "reasons" says why.

    Raises:
        ValueError: no rows, or `positive_label` is not one of two classes.
    """
    if not len(rows.gold):
        raise ValueError("Expected at least one row to score, received none.")
    labels = rows.labels
    binary = len(labels) == 2
    if positive_label is not None and (not binary or positive_label not in labels):
        raise ValueError(
            f"Expected --positive_label to be one of two classes, received {positive_label!r} "
            f"and the classes {list(labels)}."
        )
    positive = (positive_label or positive_of(labels)) if binary else None
    matrix = confusion_matrix(rows.gold, rows.predicted, len(labels))
    counted = tuple(classes) if classes else counted_classes(labels, positive_label)
    indices = [labels.index(label) for label in counted if label in labels]
    values, reasons = evaluate(_functions(rows, matrix, indices, positive))
    result = {"rows": len(rows.gold), **values}
    result["f1_classes"] = list(counted)
    if binary:
        result |= {"positive_label": positive, **binary_scores(matrix, labels.index(positive))}
    result["prevalence"] = {
        label: float(share) for label, share in zip(labels, _shares(matrix), strict=True)
    }
    result["per_class"] = per_class(matrix, labels)
    result["confusion_matrix"] = {"labels": list(labels), "gold_by_predicted": matrix.tolist()}
    result["reasons"] = reasons
    return result


def _functions(rows: Rows, matrix: np.ndarray, indices: list[int], positive: str | None) -> dict:
    return {
        "accuracy": lambda: np.trace(matrix) / matrix.sum(),
        "f1_micro": lambda: micro_f1(matrix, indices)[2],
        "f1_macro": lambda: macro_f1(matrix, indices),
        "auroc": lambda: one_against_rest(rows, ranking.auroc, positive),
        "average_precision": lambda: one_against_rest(rows, ranking.average_precision, positive),
        "auprc_trapezoid": lambda: one_against_rest(rows, ranking.auprc_trapezoid, positive),
        "brier": lambda: calibration.brier(*_with_probabilities(rows, positive)),
        "ece": lambda: _ece(rows),
    }


def _with_probabilities(rows: Rows, positive: str | None) -> tuple[np.ndarray, np.ndarray]:
    if rows.probabilities is None:
        raise UndefinedMetricError("no probabilities")
    if len(rows.labels) < 2:
        raise UndefinedMetricError("only one class is known")
    return rows.gold, rows.probabilities


def _ece(rows: Rows) -> float:
    _, probabilities = _with_probabilities(rows, None)
    top = probabilities.argmax(axis=1)
    return calibration.expected_calibration_error(
        probabilities[np.arange(len(top)), top], top == rows.gold
    )


def _shares(matrix: np.ndarray) -> np.ndarray:
    return matrix.sum(axis=1) / matrix.sum()

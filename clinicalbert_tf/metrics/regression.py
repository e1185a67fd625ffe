"""Scores of predicted numbers."""

import numpy as np

from clinicalbert_tf.metrics.undefined import UndefinedMetricError, evaluate

# What the results of every classification have; those of numbers have them as None.
FIGURES_OF_CLASSES = (
    "accuracy", "f1_micro", "f1_macro", "auroc", "average_precision", "auprc_trapezoid", "brier",
)  # fmt: skip


def pearson(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the linear correlation.

    Raises:
        UndefinedMetricError: fewer than two rows, or one side is constant.
    """
    _check_spread(gold, predicted)
    from scipy.stats import pearsonr

    return float(pearsonr(gold, predicted).statistic)


def spearman(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the correlation of ranks, ties at their mean rank.

    Raises:
        UndefinedMetricError: fewer than two rows, or one side is constant.
    """
    _check_spread(gold, predicted)
    from scipy.stats import spearmanr

    return float(spearmanr(gold, predicted).statistic)


def scores(gold: np.ndarray, predicted: np.ndarray) -> dict:
    """Returns pearson, spearman, mean_squared_error and mean_absolute_error of float arrays [rows].

    None if one cannot be computed, and for every figure of classes; "reasons" says why.

    Raises:
        ValueError: no rows.
    """
    gold, predicted = np.asarray(gold, np.float64), np.asarray(predicted, np.float64)
    if not len(gold):
        raise ValueError("Expected at least one row to score, received none.")
    values, reasons = evaluate(
        {
            "pearson": lambda: pearson(gold, predicted),
            "spearman": lambda: spearman(gold, predicted),
            "mean_squared_error": lambda: np.mean((gold - predicted) ** 2),
            "mean_absolute_error": lambda: np.mean(np.abs(gold - predicted)),
        }
    )
    nothing = dict.fromkeys(FIGURES_OF_CLASSES, "numbers are predicted, not classes")
    return {
        "rows": len(gold),
        **values,
        **dict.fromkeys(FIGURES_OF_CLASSES),
        "reasons": {**reasons, **nothing},
    }


def _check_spread(gold: np.ndarray, predicted: np.ndarray) -> None:
    if len(gold) < 2:
        raise UndefinedMetricError("fewer than two rows")
    if np.ptp(gold) == 0 or np.ptp(predicted) == 0:
        raise UndefinedMetricError("gold or predicted numbers are all equal")

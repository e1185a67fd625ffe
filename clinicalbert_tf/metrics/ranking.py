"""How well scores put positives before negatives."""

import numpy as np

from clinicalbert_tf.metrics.undefined import UndefinedMetricError

# The lowest precision that counts as 80% in the paper's script: exactly 0.8 passes despite
# rounding.
PRECISION_80 = 0.799999


def auroc(targets: np.ndarray, scores: np.ndarray) -> float:
    """Returns the area under the receiver operating characteristic.

    Args:
        targets: bool or 0/1 array [rows].
        scores: float array [rows], higher for positive.

    Raises:
        UndefinedMetricError: only one class is present.
    """
    targets = _both_classes(targets)
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(targets, scores))


def average_precision(targets: np.ndarray, scores: np.ndarray) -> float:
    """Returns the step-wise area under precision over recall (scikit-learn's average precision).

    Raises:
        UndefinedMetricError: no positive row.
    """
    targets = _a_positive(targets)
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(targets, scores))


def auprc_trapezoid(targets: np.ndarray, scores: np.ndarray) -> float:
    """Returns the area under precision over recall by trapezoids, as the readmission paper does.

    It interpolates linearly and so is a little optimistic; `average_precision` does not.

    Raises:
        UndefinedMetricError: no positive row.

    Source: ClinicalBERT (Huang et al. 2019), run_readmission.py vote_pr_curve.
    """
    targets = _a_positive(targets)
    from sklearn.metrics import auc, precision_recall_curve

    precision, recall, _ = precision_recall_curve(targets, scores)
    return float(auc(recall, precision))


def recall_at_precision(
    targets: np.ndarray, scores: np.ndarray, precision: float = PRECISION_80
) -> tuple[float, int]:
    """Returns the recall at the lowest threshold whose precision exceeds a bound.

    Args:
        targets: bool or 0/1 array [rows].
        scores: float array [rows].
        precision: the bound, exclusive.

    Returns:
        (recall, number of rows at or above the threshold); (0.0, 0) if no threshold reaches it. The
        artificial end of the curve (precision 1, recall 0) never counts.

    Raises:
        UndefinedMetricError: no positive row.

    Source: ClinicalBERT (Huang et al. 2019), run_readmission.py vote_pr_curve (RP80).
    """
    targets = _a_positive(targets)
    from sklearn.metrics import precision_recall_curve

    precisions, recalls, thresholds = precision_recall_curve(targets, scores)
    reached = np.flatnonzero(precisions[:-1] > precision)
    if not len(reached):
        return 0.0, 0
    lowest = reached[0]
    return float(recalls[lowest]), int(np.sum(np.asarray(scores) >= thresholds[lowest]))


def _a_positive(targets: np.ndarray) -> np.ndarray:
    targets = np.asarray(targets).astype(bool)
    if not targets.any():
        raise UndefinedMetricError("no positive row")
    return targets


def _both_classes(targets: np.ndarray) -> np.ndarray:
    targets = _a_positive(targets)
    if targets.all():
        raise UndefinedMetricError("no negative row")
    return targets

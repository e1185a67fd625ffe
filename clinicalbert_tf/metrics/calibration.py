"""Whether probabilities mean what they say."""

import numpy as np


def brier(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Returns the Brier score.

    Args:
        targets: int array [rows], the class of each row.
        probabilities: float array [rows, classes], each row sums to 1.

    Returns:
        For two classes mean (p - y)^2 of the second class, between 0 and 1; for more the mean over
        rows of the sum over classes of (p - y)^2, between 0 and 2. scikit-learn's convention.

    Source: Brier 1950.
    """
    probabilities = np.asarray(probabilities, np.float64)
    truth = np.eye(probabilities.shape[1])[np.asarray(targets)]
    total = float(np.mean(np.sum((probabilities - truth) ** 2, axis=1)))
    return total / 2 if probabilities.shape[1] == 2 else total


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> dict:
    """Puts rows into bins of equal width by confidence.

    Args:
        confidence: float array [rows], between 0 and 1.
        correct: bool array [rows].
        bins: number of bins; a value on an edge belongs to the lower bin, 0 to the first.

    Returns:
        {"count": int array [bins], "confidence", "accuracy": float arrays [bins], NaN if a bin is
        empty}.

    Source: Guo et al. 2017, section 2.
    """
    confidence = np.asarray(confidence, np.float64)
    edges = np.linspace(0.0, 1.0, bins + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        return {
            "count": count,
            "confidence": np.bincount(index, confidence, bins) / count,
            "accuracy": np.bincount(index, np.asarray(correct, np.float64), bins) / count,
        }


def expected_calibration_error(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> float:
    """Returns the mean difference of confidence and accuracy, weighted by the rows of each bin.

    Args and source: as in `reliability`.
    """
    table = reliability(confidence, correct, bins)
    weight = table["count"] / table["count"].sum()
    return float(np.nansum(weight * np.abs(table["confidence"] - table["accuracy"])))

"""Curves of any length in few points."""

import dataclasses

import numpy as np

from clinicalbert_tf.report.events import Curve

# Fewer steps a point would show more of the noise than of the curve.
_STEPS_A_POINT = 4
_LEAST_POINTS = 60
MOST_POINTS = 160


@dataclasses.dataclass(frozen=True)
class Points:
    """A curve in few points, each of them some neighbouring steps.

    Attributes:
        steps: int64 [points], the last step of each.
        mean, low, high: float64 [points]; over the finite values of the steps.
    """

    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def in_few_points(curve: Curve, most: int = MOST_POINTS) -> Points:
    """Gathers a curve's values into at most `most` points of equally many steps.

    Values that are not finite are left out.
    """
    keep = np.isfinite(curve.values)
    steps, values = curve.steps[keep], curve.values[keep]
    wanted = max(len(values) // _STEPS_A_POINT, min(len(values), _LEAST_POINTS))
    count = min(wanted, most)
    if count == 0:
        nothing = np.zeros(0)
        return Points(nothing.astype(np.int64), nothing, nothing, nothing)
    starts = np.arange(count) * len(values) // count
    ends = np.append(starts[1:], len(values))
    return Points(
        steps[ends - 1],
        np.add.reduceat(values, starts) / (ends - starts),
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
    )


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from at most `low` to at least `high`, about so many, equally far apart."""
    if not high > low:
        margin = abs(low) / 2 or 0.5
        low, high = low - margin, high + margin
    raw = (high - low) / max(about - 1, 1)
    magnitude = 10.0 ** np.floor(np.log10(raw))
    width = next(m for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * (1 - 1e-9)) * magnitude
    first, last = np.floor(low / width + 1e-9), np.ceil(high / width - 1e-9)
    return [float(number * width) for number in np.arange(first, last + 1)]

"""Bootstrap intervals: rows, or groups of rows such as patients, drawn with replacement.

A replicate is a vector of weights, how often each row was drawn, so that a statistic of many
replicates is one matrix product or one cumulative sum instead of a loop.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clinicalbert_tf.metrics.classification import precision_recall_f1, ratio

# A statistic of replicates: weights [replicates, rows] -> values [replicates], NaN if undefined.
Statistic = Callable[[np.ndarray], np.ndarray]

# Weights held at once: 2**24 float64 are 128 MiB.
CELLS_AT_ONCE = 2**24


@dataclass(frozen=True)
class Bootstrap:
    """How an interval is drawn.

    Attributes:
        replicates: number of draws.
        confidence: coverage of the interval.
        seed: of the draw; one seed gives one result on every machine.
    """

    replicates: int = 1000
    confidence: float = 0.95
    seed: int = 12345

    def __post_init__(self):
        if self.replicates < 1 or not 0 < self.confidence < 1:
            raise ValueError(
                f"Expected at least one replicate and a confidence in (0, 1), received {self}."
            )


def replicate_weights(
    rows: int, groups: Sequence | None = None, bootstrap: Bootstrap = Bootstrap()
) -> Iterator[np.ndarray]:
    """Yields how often each row was drawn, in pieces [replicates of the piece, rows] of float64.

    Args:
        rows: number of rows.
        groups: the group of each row, e.g. patient ids: a group is drawn whole. None draws rows.
        bootstrap: replicates and seed.

    Raises:
        ValueError: no rows, or another number of groups.
    """
    if not rows or (groups is not None and len(groups) != rows):
        raise ValueError(
            f"Expected one group per row and at least one row, received {rows} rows and "
            f"{'no' if groups is None else len(groups)} groups."
        )
    codes = np.arange(rows) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(codes.max()) + 1
    random = np.random.default_rng(bootstrap.seed)
    # One draw per replicate, so that the size of a piece does not change the result.
    at_once = max(1, CELLS_AT_ONCE // max(rows, count))
    for start in range(0, bootstrap.replicates, at_once):
        size = min(at_once, bootstrap.replicates - start)
        drawn = np.stack(
            [np.bincount(random.integers(count, size=count), minlength=count) for _ in range(size)]
        )
        yield drawn[:, codes].astype(np.float64) if groups is not None else drawn.astype(float)


def intervals(
    statistics: Mapping[str, Statistic],
    rows: int,
    groups: Sequence | None = None,
    bootstrap: Bootstrap = Bootstrap(),
) -> dict[str, list[float] | None]:
    """Returns the percentile interval of each statistic, all from the same draws.

    Args:
        statistics: name -> function of weights [replicates, rows]; NaN replicates (e.g. AUROC of a
            draw of one class) are left out.
        rows, groups, bootstrap: as in `replicate_weights`.

    Returns:
        name -> [low, high], None if no replicate has a value.
    """
    values: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    for weights in replicate_weights(rows, groups, bootstrap):
        for name, statistic in statistics.items():
            values[name].append(np.asarray(statistic(weights), np.float64))
    return {
        name: _percentiles(np.concatenate(parts), bootstrap.confidence)
        for name, parts in values.items()
    }


def paired_difference(
    statistic_a: Statistic,
    statistic_b: Statistic,
    rows: int,
    groups: Sequence | None = None,
    bootstrap: Bootstrap = Bootstrap(),
) -> dict:
    """Compares two systems on the same rows: a minus b.

    Returns:
        {"difference": on all rows, "interval": [low, high] or None, "p": two-sided bootstrap
        p-value, the doubled share of replicates on the other side of 0, or None}.
    """
    everything = np.ones((1, rows))
    observed = float((statistic_a(everything) - statistic_b(everything))[0])
    drawn = np.concatenate(
        [statistic_a(w) - statistic_b(w) for w in replicate_weights(rows, groups, bootstrap)]
    )
    drawn = drawn[np.isfinite(drawn)]
    interval = _percentiles(drawn, bootstrap.confidence)
    p = None
    if interval is not None:
        tail = min(np.mean(drawn <= 0), np.mean(drawn >= 0))
        # A bootstrap of n replicates cannot show a p-value under 1 / n.
        p = float(min(1.0, max(2 * tail, 1 / len(drawn))))
    return {
        "difference": observed if np.isfinite(observed) else None,
        "interval": interval,
        "p": p,
    }


def mean_of(values: np.ndarray) -> Statistic:
    """Returns the statistic "mean of a value per row", e.g. accuracy of a 0/1 array [rows]."""
    values = np.asarray(values, np.float64)
    return lambda weights: ratio(weights @ values, weights.sum(axis=1))


def f1_of(
    correct: np.ndarray, predicted: np.ndarray, gold: np.ndarray, which: int = 2
) -> Statistic:
    """Returns precision (which=0), recall (1) or F1 (2) of counts per row or document [rows]."""
    counts = np.stack([correct, predicted, gold], axis=1).astype(np.float64)
    return lambda weights: precision_recall_f1(*(weights @ counts).T)[which]


def macro_f1_of(
    gold: np.ndarray, predicted: np.ndarray, classes: int, indices: Sequence[int]
) -> Statistic:
    """Returns the mean F1 of the classes `indices` that occur; gold, predicted: ints [rows]."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        total = np.zeros(len(weights))
        occurring = np.zeros(len(weights))
        for i in indices:
            is_gold, is_predicted = gold == i, predicted == i
            n_gold, n_predicted = weights @ is_gold, weights @ is_predicted
            total += precision_recall_f1(weights @ (is_gold & is_predicted), n_predicted, n_gold)[2]
            occurring += (n_gold + n_predicted) > 0
        return np.divide(total, occurring, out=np.full(len(total), np.nan), where=occurring > 0)

    return statistic


def ranking_of(targets: np.ndarray, scores: np.ndarray, metric: str) -> Statistic:
    """Returns auroc, average_precision or auprc_trapezoid of weighted rows; NaN for one class.

    Args:
        targets: bool array [rows].
        scores: float array [rows].
        metric: the name.
    """
    targets, scores = np.asarray(targets).astype(bool), np.asarray(scores)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    positive = targets[order]
    area = {
        "auroc": _roc_area,
        "average_precision": _average_precision,
        "auprc_trapezoid": _trapezoid,
    }[metric]

    def statistic(weights: np.ndarray) -> np.ndarray:
        weights = weights[:, order]
        hits = np.add.reduceat(weights * positive, starts, axis=1).cumsum(axis=1)
        misses = np.add.reduceat(weights * ~positive, starts, axis=1).cumsum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return area(hits, misses)

    return statistic


def _roc_area(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    before = np.pad(hits, ((0, 0), (1, 0)))[:, :-1]
    steps = np.diff(misses, axis=1, prepend=0)
    return (steps * (hits + before) / 2).sum(axis=1) / (hits[:, -1] * misses[:, -1])


def _average_precision(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    steps = np.diff(hits, axis=1, prepend=0)
    return (steps * ratio(hits, hits + misses)).sum(axis=1) / hits[:, -1]


def _trapezoid(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    precision = ratio(hits, hits + misses)
    # A threshold that no drawn row reaches is no point of the curve: it keeps the start (precision
    # 1).
    precision[(hits + misses) == 0] = 1.0
    before = np.pad(precision, ((0, 0), (1, 0)), constant_values=1.0)[:, :-1]
    steps = np.diff(hits, axis=1, prepend=0)
    return (steps * (precision + before) / 2).sum(axis=1) / hits[:, -1]


def _percentiles(values: np.ndarray, confidence: float) -> list[float] | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    tail = (1 - confidence) / 2
    return [float(v) for v in np.quantile(values, (tail, 1 - tail))]

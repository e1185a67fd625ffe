"""What losses say of what a model remembers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.metrics.intervals import intervals, mean_of, ranking_of
from clinicalbert_tf.metrics.ranking import auroc

_BEST = 10


def membership_auroc(members: Sequence[float], others: Sequence[float]) -> float:
    """Returns how well a score tells texts of the training set from others.

    Args:
        members: scores of texts that were trained on, higher where the model expects the text more.
        others: scores of texts like them that were not.

    Returns:
        The area under the receiver operating characteristic; 0.5 tells nothing apart.

    Raises:
        UndefinedMetricError: either side is empty.

    Source: Yeom et al. 2018, Privacy risk in machine learning, section 3.
    """
    targets = np.concatenate([np.ones(len(members)), np.zeros(len(others))])
    return auroc(targets, np.concatenate([np.asarray(members, float), np.asarray(others, float)]))


def exposure(score: float, candidates: Sequence[float]) -> float:
    """Returns the exposure of a secret, in bits.

    Args:
        score: of the text with the secret, higher where the model expects it more.
        candidates: scores of the same text with other secrets of the same form.

    Returns:
        log2(candidates + 1) - log2(rank of the secret): 0 if every other one is expected more,
        log2(candidates + 1) if none is. Of equal scores the secret comes last.

    Raises:
        ValueError: there are no candidates.

    Source: Carlini et al. 2019, The secret sharer, definition 2.
    """
    if not len(candidates):
        raise ValueError("Expected at least one candidate to rank a secret among, received none.")
    rank = 1 + int(np.sum(np.asarray(candidates) >= score))
    return math.log2(len(candidates) + 1) - math.log2(rank)


def ranking(targets: np.ndarray, scores: np.ndarray, frequency: np.ndarray) -> dict[str, Any]:
    """Returns how well scores put what is true first, and whether they only follow frequency.

    Args:
        targets: bool [items].
        scores: float [items], higher for what is expected to be true.
        frequency: how frequent each item is, [items].

    Returns:
        "auroc" with its "interval_95" (items drawn with replacement), "precision_at_10" (of the ten
        best, or all of fewer items; equal scores in file order), all None without both kinds of
        item; "rank_correlation" of the scores with the frequency (Spearman; None if either has one
        value only).
    """
    found = _ranking(targets, scores, frequency)
    interval = None
    if found["auroc"] is not None:
        statistic = ranking_of(np.asarray(targets), np.asarray(scores), "auroc")
        interval = intervals({"auroc": statistic}, len(scores))["auroc"]
    return found | {"interval_95": interval}


def mean_ranking(targets: np.ndarray, scores: np.ndarray, frequency: np.ndarray) -> dict[str, Any]:
    """Returns the means of `ranking` over the rows of a matrix; None if no row has a value.

    Args:
        targets: bool [rows, items].
        scores: float [rows, items].
        frequency: [items].

    Returns:
        As `ranking`; for the interval rows are drawn with replacement.
    """
    rows = [_ranking(*row, frequency) for row in zip(targets, scores, strict=True)]
    found: dict[str, Any] = {}
    for name in ("auroc", "precision_at_10", "rank_correlation"):
        values = np.array([row[name] for row in rows if row[name] is not None])
        found[name] = float(values.mean()) if len(values) else None
        if name == "auroc":
            drawn = intervals({name: mean_of(values)}, len(values)) if len(values) else {}
            found["interval_95"] = drawn.get(name)
    return found


def _ranking(targets, scores, frequency) -> dict[str, float | None]:
    found: dict[str, float | None] = dict.fromkeys(("auroc", "precision_at_10"))
    if 0 < np.sum(targets) < len(targets):
        best = np.argsort(-np.asarray(scores), kind="stable")[:_BEST]
        found = {
            "auroc": auroc(targets, scores),
            "precision_at_10": float(np.mean(np.asarray(targets)[best])),
        }
    return found | {"rank_correlation": _spearman(scores, frequency)}


def _spearman(scores, frequency) -> float | None:
    if min(len(np.unique(scores)), len(np.unique(frequency))) < 2:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(scores, frequency).statistic)

"""One score per document or admission from the scores of its chunks."""

from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.metrics import ranking
from clinicalbert_tf.metrics.undefined import evaluate

VOTES = ("paper", "mean", "max")


def vote(
    ids: Sequence[str], scores: np.ndarray, rule: str = "paper", c: float = 2.0
) -> tuple[list[str], np.ndarray]:
    """Joins the scores of each id's chunks.

    Args:
        ids: the id of each chunk [chunks].
        scores: float array [chunks].
        rule: "paper": (max + mean * n / c) / (1 + n / c) for n chunks, "mean" or "max".
        c: how many chunks weigh as much as the maximum.

    Returns:
        (distinct ids in order of first appearance, float64 array [ids]).

    Raises:
        ValueError: another rule, or c is not positive.

    Source: ClinicalBERT (Huang et al. 2019), equation 4; its code has c = 2.
    """
    if rule not in VOTES or not c > 0:
        raise ValueError(f"Expected a vote of {VOTES} and c above 0, received {rule!r} and c={c}.")
    codes, distinct = _codes(ids)
    scores = np.asarray(scores, np.float64)
    count = np.bincount(codes, minlength=len(distinct))
    mean = np.bincount(codes, scores, len(distinct)) / np.maximum(count, 1)
    highest = np.full(len(distinct), -np.inf)
    np.maximum.at(highest, codes, scores)
    if rule == "mean":
        return distinct, mean
    if rule == "max":
        return distinct, highest
    weight = count / c
    return distinct, (highest + mean * weight) / (1 + weight)


def labels_of(ids: Sequence[str], labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Joins the labels of each id's chunks, which should agree.

    Returns:
        (label of each distinct id in order of first appearance, ids whose chunks disagree). These
        get the smaller label, as in the original.

    Source: ClinicalBERT (Huang et al. 2019), run_readmission.py vote_score.
    """
    codes, distinct = _codes(ids)
    labels = np.asarray(labels, np.int64)
    lowest = np.full(len(distinct), labels.max(initial=0))
    np.minimum.at(lowest, codes, labels)
    wrong = np.unique(codes[lowest[codes] != labels])
    return lowest, [distinct[i] for i in wrong]


def scores(targets: np.ndarray, values: np.ndarray) -> dict:
    """Returns the metrics of one score per document.

    Args:
        targets: bool or 0/1 array [documents].
        values: float array [documents].

    Returns:
        A dict for strict JSON: auroc, average_precision, auprc_trapezoid, rp80 (recall at precision
            80%),
        rp80_flagged (documents at or above its threshold), prevalence, documents; None if one
        cannot be computed; "reasons" says why.
    """
    targets = np.asarray(targets).astype(bool)
    result, reasons = evaluate(
        {
            "auroc": lambda: ranking.auroc(targets, values),
            "average_precision": lambda: ranking.average_precision(targets, values),
            "auprc_trapezoid": lambda: ranking.auprc_trapezoid(targets, values),
            "rp80": lambda: ranking.recall_at_precision(targets, values)[0],
        }
    )
    flagged = None
    if result["rp80"] is not None:
        flagged = ranking.recall_at_precision(targets, values)[1]
    return {
        **result,
        "rp80_flagged": flagged,
        "prevalence": float(targets.mean()) if len(targets) else None,
        "documents": len(targets),
        "reasons": reasons,
    }


def _codes(ids: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    first: dict[str, int] = {}
    codes = np.fromiter((first.setdefault(i, len(first)) for i in ids), np.int64, len(ids))
    return codes, list(first)

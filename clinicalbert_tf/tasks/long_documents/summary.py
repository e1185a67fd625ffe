"""What a run on documents says at its end."""

from collections.abc import Mapping
from typing import Any

from clinicalbert_tf.tasks.classification import summary
from clinicalbert_tf.tasks.long_documents.files import PREDICTIONS_NAME

_RANKINGS = (("auroc", "AUROC"), ("average_precision", "average precision"),
    ("auprc_trapezoid", "area by trapezoids"))  # fmt: skip


def summary_lines(settings, results: Mapping[str, Any]) -> list[str]:
    """Lines for people: classification's, and the figures by admission with the prevalence.

    Args:
        settings: of the run.
        results: what run_classification, run_seeds or run_folds returned.
    """
    metrics = results.get("metrics", {})
    lines = summary.summary_lines(settings, results)
    for name in ("dev", "test", "pooled"):
        found = metrics.get(name)
        if found and found.get("rp80_flagged") is not None:
            lines.append(f"{name} by admission: {_in_words(found)}")
    if any("rp80" in metrics.get(name, {}) for name in ("dev", "test", "pooled")):
        lines.append(f"Wrote {PREDICTIONS_NAME}, a line per admission.")
    return lines


def _in_words(found: Mapping[str, Any]) -> str:
    parts = []
    for key, name in _RANKINGS:
        if found.get(key) is None:
            continue
        interval = (found.get("intervals") or {}).get(key)
        between = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
        parts.append(f"{name} {found[key]:.3f}{between}")
    prevalence = found.get("prevalence")
    if isinstance(prevalence, Mapping):
        prevalence = list(prevalence.values())[-1]
    parts.append(f"prevalence {prevalence:.3f}")
    parts.append(
        f"recall at precision 80% {found['rp80']:.3f}, {found['rp80_flagged']} admissions flagged"
    )
    return ", ".join(parts)

"""What a classification run says at its end."""

import os
from collections.abc import Mapping
from typing import Any

from clinicalbert_tf.tasks.classification.results import METRICS_NAME, predictions_name

_FIGURES = ("accuracy", "f1", "f1_micro", "f1_macro", "auroc", "mean_squared_error", "pearson")


def summary_lines(settings, results: Mapping[str, Any]) -> list[str]:
    """Lines for people: the figures of each split with intervals, then the files.

    Args:
        settings: of the run.
        results: what run_classification or several.run_seeds returned.
    """
    metrics = results.get("metrics", {})
    lines = []
    if "train" in results:
        lines.append(f"Trained to step {results['step']}: {settings.output_dir}")
    for split in ("dev", "test"):
        if split in metrics:
            lines.append(f"{split}: {_figures(metrics[split])}")
            if metrics.get("baseline", {}).get(split):
                lines.append(_baseline(split, metrics["baseline"][split]))
    decision = metrics.get("decision", {})
    if decision.get("positive_label") is not None:
        lines.append(
            f"Chosen on dev: temperature {decision['temperature']:.3f}, threshold of "
            f"{decision['positive_label']!r} {decision['threshold']:.3f}"
        )
    elif decision and settings.problem_type != "regression":
        lines.append(f"Chosen on dev: temperature {decision['temperature']:.3f}")
    lines += _over_runs(metrics)
    if metrics:
        written = [METRICS_NAME, *(predictions_name(s) for s in ("dev", "test") if s in metrics)]
        lines.append(f"Wrote {', '.join(written)} in {os.path.join(settings.output_dir, '')}")
    return lines


def _figures(scores: Mapping[str, Any]) -> str:
    parts = []
    for name in _FIGURES:
        value = scores.get(name)
        if value is None:
            continue
        interval = scores.get("intervals", {}).get(name)
        around = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
        parts.append(f"{name} {value:.4f}{around}")
    return ", ".join(parts) or "no labels, so no figures"


def _baseline(split: str, scores: Mapping[str, Any]) -> str:
    line = f"{split}, TF-IDF baseline: {_figures(scores)}"
    difference = scores.get("difference")
    if difference and difference["interval"]:
        low, high = difference["interval"]
        line += (
            f"; BERT minus baseline in {difference['metric']}: {difference['difference']:+.4f} "
            f"[{low:+.3f}, {high:+.3f}]"
        )
    return line


def _over_runs(metrics: Mapping[str, Any]) -> list[str]:
    lines = []
    for split, figures in metrics.get("over_runs", {}).items():
        for name, found in figures.items():
            lines.append(
                f"{split} over {found['runs']} runs: {name} {found['mean']:.4f}, standard "
                f"deviation {found['std']:.4f}, minimum {found['min']:.4f}"
            )
    if metrics.get("failed_runs") is not None:
        lines.append(
            f"Failed runs (dev no better than the majority class): {metrics['failed_runs']}"
        )
    return lines

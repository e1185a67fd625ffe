"""A classification's results for the report, from metrics.json and the predictions."""

import html
import json
import os
from typing import Any

import numpy as np

from clinicalbert_tf.metrics.calibration import reliability
from clinicalbert_tf.report import tables
from clinicalbert_tf.report.unit_chart import UnitLine, draw_unit
from clinicalbert_tf.training.monitor import figure_words

_METRICS_NAME = "metrics.json"
_SPLITS = ("test", "dev")
_FIGURES = (
    "accuracy", "precision", "recall", "specificity", "f1", "f1_micro", "f1_macro", "example_f1",
    "auroc", "auroc_micro", "average_precision", "auprc_trapezoid", "precision_at_5",
    "precision_at_8", "rp80", "brier", "ece", "pearson", "spearman", "mean_squared_error",
)  # fmt: skip
# Beyond this a matrix is wider than any page.
_MOST_LABELS = 15
_DIAGONAL = np.array([0.0, 1.0])


def sections(folder: str) -> list[tuple[str, str]]:
    """(title, content) of each section; [] if the run is no finished classification."""
    metrics = _read(os.path.join(folder, _METRICS_NAME))
    split = next((name for name in _SPLITS if name in metrics), None)
    if split is None or "per_class" not in metrics[split]:
        return []
    scores = metrics[split]
    found = [("Results", _figures(metrics))]
    differences = _differences(metrics.get("baseline", {}))
    if differences:
        found.append(("BERT minus the TF-IDF baseline", differences))
    if "confusion_matrix" in scores:
        matrix = scores["confusion_matrix"]
        if len(matrix["labels"]) <= _MOST_LABELS:
            found.append((f"Confusion matrix, {split}", _matrix(matrix)))
        charts = _charts(os.path.join(folder, f"predictions_{split}.jsonl"), scores)
        if charts:
            found.append((f"Curves of the predictions, {split}", charts))
    if scores.get("errors_by_length"):
        found.append((f"Errors by length, {split}", _by_length(scores["errors_by_length"])))
    return found


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}


def _figures(metrics: dict[str, Any]) -> str:
    splits = [name for name in ("dev", "test") if name in metrics]
    systems = [(name, metrics[name]) for name in splits]
    systems += [
        (f"{name}, TF-IDF baseline", metrics["baseline"][name])
        for name in splits
        if metrics.get("baseline", {}).get(name)
    ]
    rows = []
    for figure in _FIGURES:
        if any(scores.get(figure) is not None for _, scores in systems):
            rows.append((figure_words(figure), *(_value(s, figure) for _, s in systems)))
    return tables.table("Figures with 95% intervals", ("", *(n for n, _ in systems)), rows)


def _differences(baseline: dict[str, Any]) -> str:
    """The paired differences of each split; "" without any."""
    by_split = {}
    for split in ("dev", "test"):
        compared = baseline.get(split, {})
        first = compared.get("difference") or {}
        found = {first["metric"]: first} if first else {}
        by_split[split] = {**found, **compared.get("differences", {})}
    splits = [split for split, found in by_split.items() if found]
    figures = dict.fromkeys(figure for found in by_split.values() for figure in found)
    rows = [
        (figure_words(figure), *(_difference(by_split[s].get(figure)) for s in splits))
        for figure in figures
    ]
    caption = "Differences on the same rows with 95% intervals and p-values (paired bootstrap)"
    return tables.table(caption, ("", *splits), rows) if rows else ""


def _difference(found: dict[str, Any] | None) -> str:
    if not found or found["difference"] is None or found["interval"] is None:
        return ""
    low, high = found["interval"]
    return f"{found['difference']:+.4f} [{low:+.3f}, {high:+.3f}], p {found['p']:.3g}"


def _value(scores: dict[str, Any], figure: str) -> str:
    value = scores.get(figure)
    if value is None:
        return scores.get("reasons", {}).get(figure, "")
    interval = scores.get("intervals", {}).get(figure)
    return f"{value:.4f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _matrix(matrix: dict[str, Any]) -> str:
    labels = matrix["labels"]
    rows = [
        (label, *(f"{count:,}" for count in counts))
        for label, counts in zip(labels, matrix["gold_by_predicted"], strict=True)
    ]
    caption = "Rows: the label; columns: what was predicted"
    return tables.table(caption, ("", *labels), rows)


def _charts(path: str, scores: dict[str, Any]) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
    except (FileNotFoundError, ValueError):
        return ""
    labels = scores["confusion_matrix"]["labels"]
    table = np.array([[row["probabilities"][label] for label in labels] for row in rows])
    gold = np.array([labels.index(row["label"]) for row in rows])
    figures = [_reliability_figure(table, gold)]
    positive = scores.get("positive_label")
    truth = np.eye(len(labels), dtype=bool)[gold]
    if positive is not None:
        place = labels.index(positive)
        targets, values, of = truth[:, place], table[:, place], f"of {positive}"
    else:
        targets, values, of = truth.ravel(), table.ravel(), "over all labels"
    if targets.any() and not targets.all():
        figures += _ranking_figures(targets, values, of)
    return f'<div class="charts">{"".join(figures)}</div>'


def _reliability_figure(table: np.ndarray, gold: np.ndarray) -> str:
    top = table.argmax(axis=1)
    found = reliability(table[np.arange(len(top)), top], top == gold, bins=10)
    filled = found["count"] > 0
    line = UnitLine(found["confidence"][filled], found["accuracy"][filled], "evaluation", True)
    words = "Share of right predictions over their probability; the diagonal is perfect."
    return _figure("Reliability", words, [_diagonal(), line], "probability", "share right")


def _ranking_figures(targets: np.ndarray, values: np.ndarray, of: str) -> list[str]:
    order = np.argsort(-values, kind="stable")
    hits, misses = np.cumsum(targets[order]), np.cumsum(~targets[order])
    # One point for equal values.
    last = np.append(np.diff(values[order]) != 0, True)
    hits, misses = hits[last], misses[last]
    recall, fall_out = hits / hits[-1], misses / misses[-1]
    roc = UnitLine(np.append(0, fall_out), np.append(0, recall), "evaluation")
    curve = UnitLine(recall, hits / (hits + misses), "evaluation")
    share = float(targets.mean())
    chance = UnitLine(_DIAGONAL, np.array([share, share]), "training")
    return [
        _figure(
            "ROC", f"True positives over false positives {of}; the diagonal is chance.",
            [_diagonal(), roc], "false positive rate", "true positive rate",
        ),
        _figure(
            "Precision and recall", f"Precision over recall {of}; the level line is chance.",
            [chance, curve], "recall", "precision",
        ),
    ]  # fmt: skip


def _diagonal() -> UnitLine:
    return UnitLine(_DIAGONAL, _DIAGONAL, "training")


def _figure(title: str, words: str, lines: list[UnitLine], across: str, up: str) -> str:
    drawing = draw_unit(title, words, lines, across, up)
    return (
        f"<figure><figcaption><h3>{html.escape(title)}</h3></figcaption>{drawing}"
        f'<p class="soft">{html.escape(words)}</p></figure>'
    )


def _by_length(bins: list[dict[str, Any]]) -> str:
    rows = [
        (
            f"up to {one['tokens']:,}",
            f"{one['examples']:,}",
            f"{one['errors']:,}",
            f"{100 * one['errors'] / one['examples']:.1f}%",
        )
        for one in bins
    ]
    return tables.table("", ("tokens", "examples", "errors", "share"), rows)

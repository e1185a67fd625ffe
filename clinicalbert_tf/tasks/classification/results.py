"""What a classification run leaves: metrics.json, predictions and the reference's files."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from clinicalbert_tf.datasets.classification.examples import Example
from clinicalbert_tf.tasks.classification.decision import Decision
from tfrecords_builder.files import open_private, write_private

METRICS_NAME = "metrics.json"
WITHOUT_SECTION_NAME = "without_section.json"
TEST_RESULTS_NAME = "test_results.tsv"


def predictions_name(split: str) -> str:
    """The file of a split's predictions."""
    return f"predictions_{split}.jsonl"


def prediction_rows(
    examples: Iterable[Example],
    probabilities: np.ndarray,
    decision: Decision,
    show_text: bool = False,
) -> Iterator[dict[str, Any]]:
    """One object per example, in order: id, label (if known), predicted, probabilities.

    Args:
        examples: the examples.
        probabilities: float [examples, labels], or predicted numbers [examples].
        decision: how probabilities become labels.
        show_text: whether to add the texts, which may be protected.
    """
    decided = None if decision.problem_type == "regression" else decision.decide(probabilities)
    for place, example in enumerate(examples):
        row: dict[str, Any] = {"id": example.id}
        if example.label is not None:
            row["label"] = list(example.label) if _is_tuple(example.label) else example.label
        if decision.problem_type == "regression":
            row["predicted"] = float(probabilities[place])
        else:
            row["predicted"] = _named(decided[place], decision)
            row["probabilities"] = {
                label: float(value)
                for label, value in zip(decision.labels, probabilities[place], strict=True)
            }
        if show_text:
            row["text_a"] = example.text_a
            if example.text_b is not None:
                row["text_b"] = example.text_b
        yield row


def write_predictions(path: str, rows: Iterable[dict[str, Any]]) -> int:
    """Writes predictions as JSON lines (0600, in one rename); returns their number."""
    count = 0
    with open_private(path) as file:
        for row in rows:
            file.write(as_line(row))
            count += 1
    return count


def as_line(row: dict[str, Any]) -> bytes:
    """A row of predictions as a line."""
    try:
        return (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except UnicodeEncodeError:
        # Half a character, as JSON may hold it (\\ud83d) and UTF-8 may not.
        return (json.dumps(row, allow_nan=False) + "\n").encode()


def write_without_section(
    folder: str, kinds: Sequence[str], without: Mapping[str, Sequence[str]]
) -> None:
    """Writes without_section.json: ids of the texts without a section of some kinds, by split."""
    values = {"sections": list(kinds), "without_section": dict(without)}
    path = os.path.join(folder, WITHOUT_SECTION_NAME)
    write_private(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def write_test_results(folder: str, probabilities: np.ndarray) -> str:
    """Writes test_results.tsv: a row of class probabilities per example, no header.

    Source: the reference's run_classifier.py and BioBERT's run_re.py.
    """
    table = probabilities[:, np.newaxis] if probabilities.ndim == 1 else probabilities
    path = os.path.join(folder, TEST_RESULTS_NAME)
    lines = ("\t".join(str(float(value)) for value in row) for row in table)
    write_private(path, "".join(f"{line}\n" for line in lines))
    return path


def add_metrics(folder: str, metrics: dict[str, Any]) -> str:
    """Adds top-level keys, such as a split's name, to metrics.json; returns its path."""
    path = os.path.join(folder, METRICS_NAME)
    kept = read_metrics(folder) | metrics
    write_private(path, json.dumps(kept, indent=1, allow_nan=False) + "\n")
    return path


def read_metrics(folder: str) -> dict[str, Any]:
    """What metrics.json says; {} if there is none."""
    try:
        with open(os.path.join(folder, METRICS_NAME), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def _named(decided, decision: Decision):
    if decision.problem_type == "multi":
        return [label for label, chosen in zip(decision.labels, decided, strict=True) if chosen]
    return decision.labels[int(decided)]


def _is_tuple(label) -> bool:
    return isinstance(label, tuple)

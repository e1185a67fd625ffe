"""What a run on documents leaves beside metrics.json."""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from clinicalbert_tf.datasets.classification.examples import Example
from tfrecords_builder.files import write_private

PREDICTIONS_NAME = "predictions.csv"
_COLUMNS = ("ID", "SUBJECT_ID", "LABEL", "SCORE", "CHUNKS")


def chunk_scores_name(split: str) -> str:
    """The file of a split's chunk scores, for `python -m clinicalbert_tf.score documents`."""
    return f"chunk_scores_{split}.csv"


def write_document_predictions(
    path: str, examples: Sequence[Example], scores: np.ndarray, chunks: np.ndarray
) -> None:
    """Writes predictions.csv: ID, SUBJECT_ID, LABEL, SCORE, CHUNKS; a line per document, in order.

    Args:
        path: of the file (0600).
        examples: the documents.
        scores: float [documents], the probability of the positive label.
        chunks: int [documents], how many chunks each has.
    """
    values = (
        (example.id, example.group or "", example.label or "", repr(float(score)), int(count))
        for example, score, count in zip(examples, scores, chunks, strict=True)
    )
    write_rows(path, (dict(zip(_COLUMNS, row, strict=True)) for row in values))


def read_document_predictions(path: str) -> list[dict[str, str]]:
    """The lines of predictions.csv, each as {column: text}."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Writes lines of predictions.csv."""
    _write(path, _COLUMNS, ([row[name] for name in _COLUMNS] for row in rows))


def write_chunk_scores(
    folder: str,
    split: str,
    examples: Sequence[Example],
    document: np.ndarray,
    scores: np.ndarray,
) -> None:
    """Writes ID, Label, score: a line per chunk, the table that the paper's program writes.

    Args:
        folder, split: name the file (0600).
        examples: the documents.
        document: int [chunks].
        scores: float [chunks], the probability of the positive label.
    """
    rows = (
        (examples[place].id, examples[place].label or "", repr(float(score)))
        for place, score in zip(document, scores, strict=True)
    )
    _write(os.path.join(folder, chunk_scores_name(split)), ("ID", "Label", "score"), rows)


def _write(path: str, header: Sequence[str], rows) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_private(path, buffer.getvalue())

"""Readmission and diagnosis data as documents: one example per admission, its chunks joined.

The files are those of `python -m clinicalbert_tf.datasets.readmission` (and `.diagnosis`), or the
reference's train.csv, val.csv and test.csv with the columns ID, TEXT and Label.
"""

import dataclasses
import os
from collections.abc import Iterable, Iterator

from clinicalbert_tf.datasets.classification.examples import SPLITS, Example, Label, Split
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.classification.text_store import Place, StoredExample, TextStore
from clinicalbert_tf.datasets.table import RowCounts, TableFormat, read_rows, require_columns
from clinicalbert_tf.datasets.table_files import TableError
from clinicalbert_tf.texts.word_chunks import CHUNK_BREAK

_JSON, _CSV = TableFormat("jsonl"), TableFormat("csv")
_REFERENCE_NAMES = {"train": "train.csv", "dev": "val.csv", "test": "test.csv"}


def read_splits(settings: DataSettings, texts: TextStore | None = None) -> dict[str, Split]:
    """Reads train.jsonl, dev.jsonl and test.jsonl of settings.data_dir, or the reference's files.

    Args:
        settings: data_dir with the files.
        texts: where the texts are kept; None for the system's folder of temporary files.

    Returns:
        Splits of admissions, in the order in which they first appear; groups are patients.

    Raises:
        FileNotFoundError: there is neither train.jsonl nor train.csv.
        TableError: a line lacks a field, or an admission has two labels; names file and line.
    """
    splits, known = {}, None
    texts = texts or TextStore()
    jsonl = os.path.exists(os.path.join(settings.data_dir, "train.jsonl"))
    for name in SPLITS:
        file = f"{name}.jsonl" if jsonl else _REFERENCE_NAMES[name]
        path = os.path.join(settings.data_dir, file)
        if name != "train" and not os.path.exists(path):
            continue
        counts = RowCounts(path)
        chunks = _json_chunks(path, counts) if jsonl else _csv_chunks(path, counts)
        examples = list(_admissions(path, chunks, texts))
        if not examples:
            continue
        split = Split(name, path, examples, [counts])
        if known is None:
            known = {label for example in examples for label in _several(example)}
        _leave_out_unknown(split, known)
        splits[name] = split
    if "train" not in splits:
        raise TableError(
            f"{settings.data_dir}: expected admissions in train.jsonl, received none. The "
            "reference's rules make no 2-day training set: train on early_3."
        )
    return splits


@dataclasses.dataclass(frozen=True, slots=True)
class _Chunk:
    """One line of a file."""

    id: str
    subject_id: str | None
    number: int
    label: Label
    text: str
    line: int


class _Admission:
    """What is kept of an admission's lines: the first one's, and the places of all texts."""

    __slots__ = ("first", "places")

    def __init__(self, first: _Chunk):
        self.first = dataclasses.replace(first, text="")
        self.places: list[tuple[int, Place]] = []


def _json_chunks(path: str, counts: RowCounts) -> Iterator[_Chunk]:
    for row in read_rows(path, _JSON, counts=counts):
        several = "labels" in row.cells
        columns = ("id", "subject_id", "chunk", "text", "labels" if several else "label")
        require_columns(path, row, columns)
        label = tuple(row["labels"]) if several else str(row["label"])
        yield _Chunk(
            str(row["id"]), str(row["subject_id"]), row["chunk"], label, row["text"], row.line
        )


def _csv_chunks(path: str, counts: RowCounts) -> Iterator[_Chunk]:
    for number, row in enumerate(read_rows(path, _CSV, counts=counts)):
        require_columns(path, row, ("ID", "TEXT", "Label"))
        # pandas wrote them as floats: 184800.0 and 1.0.
        id_, label = (row[name].removesuffix(".0") for name in ("ID", "Label"))
        yield _Chunk(id_, None, number, label, row["TEXT"], row.line)


def _admissions(path: str, chunks: Iterable[_Chunk], texts: TextStore) -> Iterator[Example]:
    found: dict[str, _Admission] = {}
    for chunk in chunks:
        admission = found.get(chunk.id)
        if admission is None:
            admission = found[chunk.id] = _Admission(chunk)
        first = admission.first
        if (first.label, first.subject_id) != (chunk.label, chunk.subject_id):
            raise TableError(
                f"{path}, line {chunk.line}: expected the label and the patient of line "
                f"{first.line}, a chunk of the same admission, received others. Make the data "
                "again."
            )
        admission.places.append((chunk.number, texts.add(chunk.text)))
    for name, admission in found.items():
        # The reference's training rows are shuffled.
        places = [place for _, place in sorted(admission.places)]
        first = admission.first
        yield StoredExample(
            name, texts, places, CHUNK_BREAK, first.label, first.subject_id, first.line
        )


def _several(example: Example) -> tuple:
    return example.label if isinstance(example.label, tuple) else ()


def _leave_out_unknown(split: Split, known: set[str]) -> None:
    """Takes labels away that no training admission has: nothing can learn to predict them."""
    lost = 0
    for place, example in enumerate(split.examples):
        several = _several(example)
        kept = tuple(label for label in several if label in known)
        if kept != several:
            lost += len(several) - len(kept)
            split.examples[place] = example.with_label(kept)
    if lost:
        split.notices.append(f"{split.name}: {lost} labels that no training admission has left out")

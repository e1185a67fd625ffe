"""The files of the data set: readable by their owner only, and whole or not there."""

import contextlib
import csv
import io
import json
from collections.abc import Mapping, Sequence

from tfrecords_builder.files import open_private, write_private


class JsonLines:
    """A file of chunks, a JSON object per line; counts what is written.

    Args:
        path: where it appears when the block ends well.
    """

    def __init__(self, path: str):
        self._path = path
        self._positive: dict[str, bool] = {}
        self._patients: set[str] = set()
        self._chunks = 0

    def __enter__(self) -> "JsonLines":
        self._stack = contextlib.ExitStack()
        self._file = self._stack.enter_context(open_private(self._path))
        return self

    def __exit__(self, *error) -> None:
        self._stack.__exit__(*error)

    def write(self, row: dict) -> None:
        """Writes one chunk: id, subject_id, chunk, label (or labels), text."""
        line = json.dumps(row, ensure_ascii=False) + "\n"
        self._file.write(line.encode("utf-8"))
        self._positive[row["id"]] = bool(row["labels"] if "labels" in row else row["label"])
        self._patients.add(row["subject_id"])
        self._chunks += 1

    def summary(self) -> dict:
        """Admissions, patients, chunks, admissions with label 1 (or any label), their fraction."""
        admissions, positive = len(self._positive), sum(self._positive.values())
        return {
            "admissions": admissions,
            "patients": len(self._patients),
            "chunks": self._chunks,
            "positive": positive,
            "prevalence": positive / admissions if admissions else None,
        }


def write_csv(path: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Writes columns of text as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_private(path, buffer.getvalue())

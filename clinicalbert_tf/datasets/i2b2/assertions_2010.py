"""The assertions of i2b2/VA 2010 (.ast) as a table for classification."""

import csv
import io
from collections.abc import Iterator

from clinicalbert_tf.datasets.documents import Account
from clinicalbert_tf.datasets.i2b2.concepts_2010 import Lines, Release, read_concepts
from clinicalbert_tf.datasets.release_files import decode

COLUMNS = ("id", "document", "text", "label")
# Around the problem, so that a classifier sees which one of a sentence is meant.
_MARKS = ("[ ", " ]")


def assertion_rows(release: Release, part: str, account: Account) -> Iterator[tuple[str, ...]]:
    """One row per assertion: its id, its document, its lines with the problem in marks, its label.

    Args:
        release: the files.
        part: "beth", "partners" or "test".
        account: receives assertions whose problem is not found.
    """
    for key, file in sorted(release.assertions.items()):
        if key[0] != part:
            continue
        if key not in release.texts:
            account.add("without_document", key[1], ".ast file")
            continue
        text_file = release.texts[key]
        text = decode(text_file.path, text_file.read())
        lines = Lines(text)
        for concept in read_concepts(file):
            place = lines.find(concept)
            name = f"{key[1]}:{concept.start_line}:{concept.start}"
            if place is None:
                account.add("misaligned", key[1], name)
                continue
            start, end, _ = place
            line_start = text.rfind("\n", 0, start) + 1
            line_end = text.find("\n", end)
            line_end = len(text) if line_end < 0 else line_end
            marked = (
                text[line_start:start]
                + _MARKS[0]
                + text[start:end]
                + _MARKS[1]
                + text[end:line_end]
            )
            yield name, key[1], " ".join(marked.split()), concept.assertion


def assertion_table(rows: list[tuple[str, ...]]) -> str:
    """The rows as CSV with a header."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return file.getvalue()

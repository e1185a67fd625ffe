"""Reads CSV tables of notes as PhysioNet publishes them, plain or gzipped.

The standard library's csv module reads them, not pandas: pandas fills a row that is too short with
empty fields and, given the columns to keep, drops the fields of one that is too long, so a damaged
file would lose notes unseen.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import TextIO

from tfrecords_builder.note_rows import (
    MIMIC_IV_COLUMNS,
    NOTEEVENTS_COLUMNS,
    NoteRows,
    NoteSourceError,
    SourceNote,
    check_decoded,
)

_GZIP_MAGIC = b"\x1f\x8b"
GZIP_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
# The longest note of MIMIC-III has under 60,000 characters. The limit keeps a quote that is never
# closed from pulling the whole file into memory.
_LONGEST_FIELD = 1 << 24


def read_table(path: str) -> Iterator[SourceNote]:
    """Streams a CSV table of notes.

    Args:
        path: gzipped or not (told by its first bytes), UTF-8, headers in upper or lower case:
            MIMIC-III's NOTEEVENTS; MIMIC-IV-Note's discharge or radiology (told by `note_id` and
            `note_type`); or any with `note_id` and `text`.

    Yields:
        A note and whether ISERROR is set.

    Raises:
        FileNotFoundError: there is no such file.
        NoteSourceError: a column is missing; a row has too few or too many fields, is not UTF-8,
            has a quote that is not closed, or no id; or a gzip file is cut off or damaged.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    row = 0
    with open_text(path) as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            width, rows = len(header), _rows_under(path, header)
            for fields in reader:
                if not fields:
                    continue  # a blank line, such as editors leave at the end
                row += 1
                if len(fields) != width:
                    raise NoteSourceError(
                        f"{path}, row {row} (ends at line {reader.line_num}): expected {width} "
                        f"fields, received {len(fields)}. Download the file again."
                    )
                yield rows.note(row, fields)
        except csv.Error as error:
            # csv's messages name what is wrong with the form and hold none of the text.
            problem = f"expected well-formed CSV, received: {error}"
        except GZIP_ERRORS as error:
            problem = f"expected a whole gzip file, received: {error}"
        else:
            return
    # Raised out here, so that no traceback leads to the reader's buffers.
    raise NoteSourceError(f"{path}, row {row + 1}: {problem}. Download the file again.")


def open_text(path: str, newline: str = "") -> TextIO:
    """Opens a UTF-8 file, gzipped or not; bytes that are not UTF-8 come as lone surrogates."""
    with open(path, "rb") as file:
        gzipped = file.read(2) == _GZIP_MAGIC
    binary = gzip.GzipFile(path, "rb") if gzipped else io.BufferedReader(io.FileIO(path))
    return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def _rows_under(path: str, header: list[str]) -> NoteRows:
    for name in header:
        check_decoded(path, 0, name)
    names = {name.strip().lower() for name in header}
    if "note_id" not in names:
        return NoteRows(path, header, NOTEEVENTS_COLUMNS)
    return NoteRows(path, header, MIMIC_IV_COLUMNS if "note_type" in names else ())

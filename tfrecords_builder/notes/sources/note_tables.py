"""Reads CSV tables of notes as PhysioNet publishes them, plain or gzipped.

The standard library's csv module reads them, not pandas: pandas fills a row that is too short with
empty fields and, given the columns to keep, drops the fields of one that is too long, so a damaged
file would lose notes unseen.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Collection, Iterator
from typing import TextIO

from tfrecords_builder.notes.sources.note_rows import (
    MIMIC_IV_COLUMNS,
    NOTEEVENTS_COLUMNS,
    NoteRows,
    NoteSourceError,
    SourceNote,
    check_decoded,
)

# Told of each piece of a source that was read, in bytes.
OnBytes = Callable[[int], None]
_GZIP_MAGIC = b"\x1f\x8b"
GZIP_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
# The longest note of MIMIC-III has under 60,000 characters. The limit keeps a quote that is never
# closed from pulling the whole file into memory.
_LONGEST_FIELD = 1 << 24


def read_table(
    path: str, on_bytes: OnBytes | None = None, needed: Collection[str] = ()
) -> Iterator[SourceNote]:
    """Streams a CSV table of notes.

    Args:
        path: gzipped or not (told by its first bytes), UTF-8, headers in upper or lower case:
            MIMIC-III's NOTEEVENTS; MIMIC-IV-Note's discharge or radiology (told by `note_id` and
            `note_type`); or any with `note_id` and `text`.
        on_bytes: told of the bytes of the file that were read.
        needed: columns without which notes cannot be left out as was asked.

    Yields:
        A note and whether ISERROR is set.

    Raises:
        FileNotFoundError: there is no such file.
        NoteSourceError: a column is missing; a row has too few or too many fields, is not UTF-8,
            has a quote that is not closed, or no id; or a gzip file is cut off or damaged.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    row = 0
    with open_text(path, on_bytes=on_bytes) as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            width, rows = len(header), _rows_under(path, header, needed)
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


def open_text(path: str, newline: str = "", on_bytes: OnBytes | None = None) -> TextIO:
    """Opens a UTF-8 file, gzipped or not; bytes that are not UTF-8 come as lone surrogates.

    Args:
        path: the file.
        newline: as for `open`.
        on_bytes: told of the bytes of the file, packed or not, as they are read.
    """
    with open(path, "rb") as file:
        gzipped = file.read(2) == _GZIP_MAGIC
    binary = io.BufferedReader(_CountedFile(path, on_bytes or (lambda size: None)))
    if gzipped:
        binary = _OwningGzipFile(fileobj=binary, mode="rb")
    return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline=newline)


class _CountedFile(io.FileIO):
    """A file that tells how many bytes were read."""

    def __init__(self, path: str, on_bytes: OnBytes):
        super().__init__(path)
        self._on_bytes = on_bytes

    def readinto(self, buffer) -> int | None:
        size = super().readinto(buffer)
        self._on_bytes(size or 0)
        return size


class _OwningGzipFile(gzip.GzipFile):
    """A gzip file that closes the file under it, as it does where it opened that itself."""

    def __init__(self, fileobj: io.BufferedReader, mode: str):
        super().__init__(fileobj=fileobj, mode=mode)
        self.myfileobj = fileobj


def _rows_under(path: str, header: list[str], needed: Collection[str]) -> NoteRows:
    for name in header:
        check_decoded(path, 0, name)
    names = {name.strip().lower() for name in header}
    if "note_id" not in names:
        return NoteRows(path, header, NOTEEVENTS_COLUMNS, needed)
    return NoteRows(path, header, MIMIC_IV_COLUMNS if "note_type" in names else (), needed)

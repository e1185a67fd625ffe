"""Reads tables of notes as PhysioNet publishes them and spreadsheets export them, plain or packed.

The standard library's csv module reads them, not pandas: pandas fills a row that is too short with
empty fields and, given the columns to keep, drops the fields of one that is too long, so a damaged
file would lose notes unseen.
"""

import contextlib
import csv
import re
import shlex
from collections.abc import Collection, Iterator

from tfrecords_builder.notes.sources.note_rows import (
    MIMIC_IV_COLUMNS,
    NOTEEVENTS_COLUMNS,
    NoteRows,
    NoteSourceError,
    SourceNote,
    check_decoded,
)
from tfrecords_builder.notes.sources.packed_files import (
    OnBytes,
    UnpackingError,
    damaged,
    open_text,
)

# As databases and spreadsheets export tables; the first is tried first.
SEPARATORS = (",", ";", "\t", "|")
_KNOWN = frozenset((*NOTEEVENTS_COLUMNS, *MIMIC_IV_COLUMNS))
_separator_line = re.compile('"?sep=([^\r\n])"?\\s*\\Z', re.IGNORECASE)
# The longest note of MIMIC-III has under 60,000 characters. The limit keeps a quote that is never
# closed from pulling the whole file into memory.
_LONGEST_FIELD = 1 << 24


def read_table(
    path: str, on_bytes: OnBytes | None = None, needed: Collection[str] = ()
) -> Iterator[SourceNote]:
    """Streams a CSV table of notes.

    Args:
        path: packed or not, UTF-8 or UTF-16 with its mark, columns separated by commas,
            semicolons, tabs or vertical bars, headers in upper or lower case:
            MIMIC-III's NOTEEVENTS; MIMIC-IV-Note's discharge or radiology (told by `note_id` and
            `note_type`); or any with `note_id` and `text`.
        on_bytes: told of the bytes of the file that were read.
        needed: columns without which notes cannot be left out as was asked.

    Yields:
        A note and whether ISERROR is set.

    Raises:
        FileNotFoundError: there is no such file.
        NoteSourceError: a column is missing; a row has too few or too many fields, is not UTF-8,
            has a quote that is not closed, or no id; or a packed file is cut off or damaged.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    row = 0
    with open_text(path, on_bytes=on_bytes) as file:
        try:
            first = file.readline()
            # What Excel reads, and writes, in front of the header.
            if found := _separator_line.match(first):
                separator, first = found[1], file.readline()
                header = next(csv.reader([first], delimiter=separator), [])
            else:
                separator, header = header_of(path, first)
            reader = csv.reader(file, strict=True, delimiter=separator)
            width, rows = len(header), _rows_under(path, header, needed)
            for fields in reader:
                if not fields:
                    continue  # an empty line, such as editors leave at the end
                row += 1
                if len(fields) != width:
                    raise NoteSourceError(
                        f"{path}, row {row} (ends at line {reader.line_num + 1}): expected {width} "
                        f"fields, received {len(fields)}. Download the file again."
                    )
                yield rows.note(row, fields)
        except csv.Error as error:
            # csv's messages name what is wrong with the form and hold none of the text.
            problem = f"expected well-formed CSV, received: {error}. {_advice(str(error))}"
        except UnpackingError as error:
            problem = damaged(path, error)
        else:
            return
    # Raised out here, so that no traceback leads to the reader's buffers.
    raise NoteSourceError(f"{path}, row {row + 1}: {problem}. Download the file again.")


def _advice(error: str) -> str:
    if "expected after" in error:
        return (
            'A quote within quotes is written twice (""), not behind a backslash as MySQL and Hive '
            "do: export the table again. If its quotes are right, the file is damaged"
        )
    if "field limit" in error:
        return "A quote is not closed, or a note is longer than that many characters"
    return "A quote is not closed, or the file is cut off"


def header_of(path: str, line: str) -> tuple[str, list[str]]:
    """Splits a header at the separator that gives the columns of notes.

    Args:
        path: the file, for errors.
        line: its first line.

    Returns:
        The separator (a comma if none gives the columns) and the columns' names.

    Raises:
        NoteSourceError: the file is empty, or is not text in UTF-8.
    """
    if not line.strip():
        raise NoteSourceError(
            f"{path}: expected a table with its header, received a file that is empty or begins "
            "with an empty line. Export the table again."
        )
    if "\0" in line:
        raise NoteSourceError(
            f"{path}: expected UTF-8, received bytes that look like UTF-16 without its mark. "
            f"Convert the file: iconv -f UTF-16LE -t UTF-8 {shlex.quote(path)} > NEW_FILE."
        )
    found = {}
    for separator in SEPARATORS:
        try:
            found[separator] = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            continue
    # None of them can be certain of one column alone.
    known = {
        separator: len({name.strip().lower() for name in names} & _KNOWN)
        for separator, names in found.items()
    }
    separator = max(SEPARATORS, key=lambda each: known.get(each, 0))
    return separator, found.get(separator, [])


def is_header(path: str, line: str) -> bool:
    """Whether a line names the columns that a table of notes must have."""
    with contextlib.suppress(NoteSourceError):
        names = {name.strip().lower() for name in header_of(path, line)[1]}
        return "text" in names and not names.isdisjoint(("note_id", "row_id"))
    return False


def _rows_under(path: str, header: list[str], needed: Collection[str]) -> NoteRows:
    for name in header:
        check_decoded(path, 0, name)
    names = {name.strip().lower() for name in header}
    if "note_id" not in names:
        return NoteRows(path, header, NOTEEVENTS_COLUMNS, needed)
    return NoteRows(path, header, MIMIC_IV_COLUMNS if "note_type" in names else (), needed)

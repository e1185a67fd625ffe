"""Reads clinical notes, leaves out what was not asked for and counts what became of each.

Sources are told apart by what they are:

- MIMIC-III's `NOTEEVENTS.csv`, MIMIC-IV-Note's `discharge.csv` and `radiology.csv`, or any table
  with note_id and text, separated by commas, semicolons or tabs;
- JSON lines, an object with note_id and text per line;
- a `.txt` file, a note, or a folder of them;
- all of these packed or not (.gz, .bz2, .xz, .zst, .zip);
- `.parquet`, a file or a folder of them (extra `parquet`);
- a database's URL, with `#` and a query or the name of a `.sql` file behind it (extra `sql`):
  `sqlite:///mimic.db#SELECT note_id, text FROM discharge`.
"""

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Collection, Iterator, Sequence

from tfrecords_builder.exported_cells import normal_id
from tfrecords_builder.notes.note_counts import NoteCounts
from tfrecords_builder.notes.note_filter import NoteFilter
from tfrecords_builder.notes.sources import (
    database_urls,
    file_kinds,
    input_files,
    note_files,
    note_folders,
    note_sql,
    note_tables,
)
from tfrecords_builder.notes.sources.note_rows import (
    ADMISSION_ID,
    SUBJECT_ID,
    NoteSourceError,
    SourceNote,
)
from tfrecords_builder.notes.sources.packed_files import OnBytes
from tfrecords_builder.schema import Note
from tfrecords_builder.text.cleaning import mark_mimic_iv_placeholders

__all__ = ["NoteCounts", "NoteSourceError", "check_ids", "read_ids", "read_notes", "source_name"]


def read_notes(
    path: str | Sequence[str],
    categories: Collection[str] | None = None,
    exclude_subjects: Collection[str] = (),
    exclude_admissions: Collection[str] = (),
    counts: NoteCounts | None = None,
    on_bytes: OnBytes | None = None,
    original_text: bool = False,
) -> Iterator[Note]:
    """Streams the notes of a source; memory does not grow with its size.

    Args:
        path: a source of notes, or several; see the module's docstring.
        categories: keep only these kinds of note ("Discharge summary"; blanks around it and case
            do not matter); None keeps all.
        exclude_subjects: patients whose notes are left out, and with them all notes of patients
            who are not known: they could be of these.
        exclude_admissions: hospital admissions whose notes are left out. Notes of no admission,
            such as those of outpatients, are kept.
        counts: filled in while the notes stream.
        on_bytes: told of the bytes of files as they are read; of databases it hears nothing.
        original_text: leave every character as it is. Otherwise MIMIC-IV-Note's `___` becomes
            `[** **]`, which the rules for sections do not take for a ruler.

    Yields:
        One `Note` a row that is not marked as an error, not filtered and not empty, in the order
        of the source.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a source needs an extra that is not installed; names it.
        NoteSourceError: a source cannot be read to its end, or has not the ids by which notes
            shall be left out; names source and row, never the text.
    """
    counts = NoteCounts() if counts is None else counts
    note_filter = NoteFilter(categories, exclude_subjects, exclude_admissions, counts)
    paths = (path,) if isinstance(path, str) else path
    for folder in filter(os.path.isdir, paths):
        counts.begin_folder(folder)
    opened = (_open_source(path, on_bytes, note_filter.columns) for path in paths)
    for note, marked_as_error, mimic_iv in itertools.chain.from_iterable(opened):
        if not note_filter.uses(note, marked_as_error):
            continue
        counts.count_form(note.text)
        if mimic_iv and not original_text:
            note = dataclasses.replace(note, text=mark_mimic_iv_placeholders(note.text))
        yield note


def read_ids(path: str) -> frozenset[str]:
    """Reads a list of patients or admissions to leave out.

    Args:
        path: a UTF-8 text file with one id a line, in quotation marks or not; a first line
            `subject_id` or `hadm_id` is a header.

    Raises:
        ValueError: a line holds more than an id, or there is none at all, or it is not UTF-8.
    """
    ids = []
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.readlines()
    except UnicodeDecodeError:
        lines = ["\0"]
    # UTF-16 without its mark can be read as UTF-8: every second character is a zero.
    if any("\0" in line for line in lines):
        raise ValueError(
            f"{path}: expected one id a line in UTF-8, received bytes that are not. Convert it to "
            "UTF-8 (iconv -t UTF-8)."
        )
    for number, line in enumerate(lines, start=1):
        value = line.strip().strip(",\"'").strip()
        if number == 1 and value.lower() in (SUBJECT_ID, ADMISSION_ID):
            continue
        if len(line.replace(",", " ").split()) > 1:
            raise ValueError(
                f"{path}, line {number}: expected one id a line, received several words. "
                "Write a file with the ids only."
            )
        if value:
            ids.append(normal_id(value))
    if not ids:
        raise ValueError(f"{path}: expected one id a line, received none. Drop the option instead.")
    return frozenset(ids)


def check_ids(
    path: str, exclude_subjects: Collection[str] = (), exclude_admissions: Collection[str] = ()
) -> bool:
    """Refuses a source that cannot be opened, or has not the ids by which notes are left out.

    `read_notes` does the same, but at a source's turn. What only reading tells is left to it: rows
    behind the first, and in JSON lines, whose names may differ, the ids. Files of other machines
    are not looked at. PostgreSQL, DuckDB and SQLite plan a `SELECT` without running it; other
    databases, and queries of other forms, run up to the first row, which can take long.

    Args:
        path: a source of notes.
        exclude_subjects, exclude_admissions: as for `read_notes`.

    Returns:
        Whether there can be notes: False for a file without a row.

    Raises:
        FileNotFoundError, ImportError, NoteSourceError: as `read_notes` does for the first row.
    """
    if input_files.is_remote(path):
        return True
    needed = NoteFilter(None, exclude_subjects, exclude_admissions, NoteCounts()).columns
    if database_urls.is_url(path):
        with contextlib.closing(note_sql.read_query(path, needed, columns_only=True)) as found:
            next(found, None)
        return True
    with contextlib.closing(_open_source(path, None, needed)) as found:
        return next(found, None) is not None


def source_name(path: str) -> str:
    """The source as it may stand in messages and manifests: a URL without its password."""
    return database_urls.source_name(path)


def _open_source(
    path: str, on_bytes: OnBytes | None, needed: Collection[str]
) -> Iterator[SourceNote]:
    if database_urls.is_url(path):
        return note_sql.read_query(path, needed)
    if os.path.isdir(path):
        if note_folders.holds_parquet(path):
            return note_files.read_parquet(path, on_bytes, needed)
        return note_files.read_text_folder(path, on_bytes, needed)
    if note_folders.is_parquet(path):
        return note_files.read_parquet(path, on_bytes, needed)
    kind = file_kinds.kind_of(path)
    if kind == file_kinds.JSON_LINES:
        return note_files.read_json_lines(path, on_bytes, needed)
    if kind == file_kinds.TEXT:
        return note_files.read_text_file(path, on_bytes, needed)
    return note_tables.read_table(path, on_bytes, needed)

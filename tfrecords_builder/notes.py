"""Reads clinical notes, leaves out what was not asked for and counts what became of each."""

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Collection, Iterator, Sequence

from tfrecords_builder.schema import Note
from tfrecords_builder.sources import database_urls, note_files, note_sql, note_tables
from tfrecords_builder.sources.note_rows import (
    ADMISSION_ID,
    SUBJECT_ID,
    NoteSourceError,
    SourceNote,
    normal_id,
)
from tfrecords_builder.sources.note_tables import OnBytes

__all__ = ["NoteCounts", "NoteSourceError", "check_ids", "read_ids", "read_notes", "source_name"]

# Why a note was left out; the names stand in manifests.
MARKED_AS_ERROR = "marked_as_error"
OTHER_CATEGORY = "other_category"
EXCLUDED_SUBJECT = "excluded_subject"
UNKNOWN_SUBJECT = "unknown_subject"
EXCLUDED_ADMISSION = "excluded_admission"


@dataclasses.dataclass
class NoteCounts:
    """What became of the notes of a source; `read` = `used` + `empty` + all of `filtered`.

    Attributes:
        read: notes in the source.
        used: notes handed on.
        empty: notes without a character other than white space.
        filtered: notes left out, by reason.
    """

    read: int = 0
    used: int = 0
    empty: int = 0
    filtered: dict[str, int] = dataclasses.field(default_factory=dict)

    def count_filtered(self, reason: str) -> None:
        self.filtered[reason] = self.filtered.get(reason, 0) + 1

    def add(self, other: "NoteCounts") -> None:
        """Adds the counts of another source or worker."""
        self.read += other.read
        self.used += other.used
        self.empty += other.empty
        for reason, number in other.filtered.items():
            self.filtered[reason] = self.filtered.get(reason, 0) + number


def read_notes(
    path: str | Sequence[str],
    categories: Collection[str] | None = None,
    exclude_subjects: Collection[str] = (),
    exclude_admissions: Collection[str] = (),
    counts: NoteCounts | None = None,
    on_bytes: OnBytes | None = None,
) -> Iterator[Note]:
    """Streams the notes of a source; memory does not grow with its size.

    Args:
        path: a source of notes, or several, told apart by what they are:
            MIMIC-III's `NOTEEVENTS.csv`, MIMIC-IV-Note's `discharge.csv` and `radiology.csv`, or
            any CSV file with note_id and text, gzipped or not;
            `.jsonl` (`.gz`), a JSON object with note_id and text a line;
            a folder of `.txt` files, a note a file;
            `.parquet`, a file or a folder of them (extra `parquet`);
            a database's URL, with `#` and a query or the name of a `.sql` file behind it (extra
            `sql`): `sqlite:///mimic.db#SELECT note_id, text FROM discharge`.
        categories: keep only these kinds of note ("Discharge summary"; blanks around it and case
            do not matter); None keeps all.
        exclude_subjects: patients whose notes are left out, and with them all notes of patients
            who are not known: they could be of these.
        exclude_admissions: hospital admissions whose notes are left out. Notes of no admission,
            such as those of outpatients, are kept.
        counts: filled in while the notes stream.
        on_bytes: told of the bytes of files as they are read; of databases it hears nothing.

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
    wanted = None if categories is None else {name.strip().casefold() for name in categories}
    subjects = set(map(normal_id, exclude_subjects)) - {None}
    admissions = set(map(normal_id, exclude_admissions)) - {None}
    paths = (path,) if isinstance(path, str) else path
    needed = _needed(subjects, admissions)
    opened = (_open_source(path, on_bytes, needed) for path in paths)
    for note, marked_as_error in itertools.chain.from_iterable(opened):
        counts.read += 1
        if marked_as_error:
            counts.count_filtered(MARKED_AS_ERROR)
        elif wanted is not None and note.category.casefold() not in wanted:
            counts.count_filtered(OTHER_CATEGORY)
        elif note.subject_id in subjects:
            counts.count_filtered(EXCLUDED_SUBJECT)
        elif subjects and note.subject_id is None:
            counts.count_filtered(UNKNOWN_SUBJECT)
        elif note.hadm_id in admissions:
            counts.count_filtered(EXCLUDED_ADMISSION)
        elif not note.text or note.text.isspace():
            counts.empty += 1
        else:
            counts.used += 1
            yield note


def read_ids(path: str) -> frozenset[str]:
    """Reads a list of patients or admissions to leave out.

    Args:
        path: a text file with one id a line; a first line `subject_id` or `hadm_id` is a header.

    Raises:
        ValueError: a line holds more than an id, or there is none at all.
    """
    ids = []
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.strip().strip('"').lower() in ("subject_id", "hadm_id"):
                continue
            if len(line.replace(",", " ").split()) > 1:
                raise ValueError(
                    f"{path}, line {number}: expected one id a line, received several words. "
                    "Write a file with the ids only."
                )
            if line.strip():
                ids.append(normal_id(line.strip().strip(',"')))
    if not ids:
        raise ValueError(f"{path}: expected one id a line, received none. Drop the option instead.")
    return frozenset(ids)


def check_ids(
    path: str, exclude_subjects: Collection[str] = (), exclude_admissions: Collection[str] = ()
) -> None:
    """Refuses a source without the ids by which notes shall be left out, before it is read.

    `read_notes` does the same, but at a source's turn. What only reading tells is left to it: JSON
    lines, whose names may differ, and databases, where a query can take long.

    Args:
        path: a source of notes.
        exclude_subjects, exclude_admissions: as for `read_notes`.

    Raises:
        NoteSourceError: there is no such column; or the first row cannot be read.
    """
    needed = _needed(exclude_subjects, exclude_admissions)
    if needed and not database_urls.is_url(path):
        with contextlib.closing(_open_source(path, None, needed)) as found:
            next(found, None)


def source_name(path: str) -> str:
    """The source as it may stand in messages and manifests: a URL without its password."""
    return database_urls.source_name(path)


def _needed(subjects: Collection[str], admissions: Collection[str]) -> list[str]:
    wanted = ((SUBJECT_ID, subjects), (ADMISSION_ID, admissions))
    return [name for name, ids in wanted if ids]


def _open_source(
    path: str, on_bytes: OnBytes | None, needed: Collection[str]
) -> Iterator[SourceNote]:
    if database_urls.is_url(path):
        return note_sql.read_query(path, needed)
    if os.path.isdir(path):
        if note_files.holds_parquet(path):
            return note_files.read_parquet(path, on_bytes, needed)
        return note_files.read_text_folder(path, on_bytes, needed)
    if note_files.is_parquet(path):
        return note_files.read_parquet(path, on_bytes, needed)
    if path.lower().endswith(note_files.JSON_LINES_SUFFIXES):
        return note_files.read_json_lines(path, on_bytes, needed)
    return note_tables.read_table(path, on_bytes, needed)

"""Reads clinical notes, leaves out what was not asked for and counts what became of each."""

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Collection, Iterator, Sequence

from absl import logging

from tfrecords_builder.notes.sources import (
    database_urls,
    file_kinds,
    input_files,
    note_files,
    note_sql,
    note_tables,
)
from tfrecords_builder.notes.sources.note_rows import (
    ADMISSION_ID,
    SUBJECT_ID,
    NoteSourceError,
    SourceNote,
    normal_id,
)
from tfrecords_builder.notes.sources.packed_files import OnBytes
from tfrecords_builder.schema import Note
from tfrecords_builder.text.cleaning import mark_mimic_iv_placeholders

__all__ = ["NoteCounts", "NoteSourceError", "check_ids", "read_ids", "read_notes", "source_name"]

# Why a note was left out; the names stand in manifests.
MARKED_AS_ERROR = "marked_as_error"
OTHER_CATEGORY = "other_category"
EXCLUDED_SUBJECT = "excluded_subject"
UNKNOWN_SUBJECT = "unknown_subject"
EXCLUDED_ADMISSION = "excluded_admission"
# What asks for it, and the column it goes by.
_LISTS = {
    EXCLUDED_SUBJECT: ("--exclude_subjects", SUBJECT_ID),
    EXCLUDED_ADMISSION: ("--exclude_admissions", ADMISSION_ID),
}


@dataclasses.dataclass
class NoteCounts:
    """What became of the notes of a source; `read` = `used` + `empty` + all of `filtered`.

    Attributes:
        read: notes in the source.
        used: notes handed on.
        empty: notes without a character other than white space.
        filtered: notes left out, by reason; a list's reason also where it met no note.
        files_not_read: files of folders that hold no notes, by kind.
        lists: of the lists of what to leave out, by reason: how many ids, and which met a note.
    """

    read: int = 0
    used: int = 0
    empty: int = 0
    filtered: dict[str, int] = dataclasses.field(default_factory=dict)
    files_not_read: dict[str, int] = dataclasses.field(default_factory=dict)
    lists: dict[str, "ListedIds"] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    def count_filtered(self, reason: str) -> None:
        self.filtered[reason] = self.filtered.get(reason, 0) + 1

    def add(self, other: "NoteCounts") -> None:
        """Adds the counts of another source or worker."""
        self.read += other.read
        self.used += other.used
        self.empty += other.empty
        for reason, number in other.filtered.items():
            self.filtered[reason] = self.filtered.get(reason, 0) + number
        self._count_files_not_read(other.files_not_read)
        for reason, listed in other.lists.items():
            self.lists.setdefault(reason, ListedIds(listed.given)).met.update(listed.met)

    def begin_folder(self, path: str) -> None:
        """Counts the files of a folder that are not read, and says so."""
        kinds = note_files.files_not_read(path)
        self._count_files_not_read(kinds)
        if kinds:
            logging.warning(
                "%s: %d files in this folder are not read as notes: %s.",
                path,
                sum(kinds.values()),
                ", ".join(f"{number} of {kind}" for kind, number in kinds.items()),
            )

    def _count_files_not_read(self, kinds: dict[str, int]) -> None:
        for kind, number in kinds.items():
            self.files_not_read[kind] = self.files_not_read.get(kind, 0) + number

    def begin_list(self, reason: str, ids: Collection[str]) -> set[str]:
        """Shows that notes are left out by a list, also if it meets none; returns the ids met."""
        if not ids:
            return set()
        self.filtered.setdefault(reason, 0)
        return self.lists.setdefault(reason, ListedIds(len(ids))).met

    def warn_of_unmet_ids(self) -> None:
        """Says, when all is read, how many ids of a list met no note; shows none of them."""
        for reason, listed in self.lists.items():
            option, column = _LISTS[reason]
            if not listed.met:
                logging.warning(
                    "None of the %d ids of %s met a note: check that the list holds %s values.",
                    listed.given,
                    option,
                    column,
                )
            elif missed := listed.given - len(listed.met):
                logging.warning(
                    "%d of the %d ids of %s met no note. Check that the list holds %s values, if "
                    "the notes should be of all of them.",
                    missed,
                    listed.given,
                    option,
                    column,
                )


@dataclasses.dataclass
class ListedIds:
    """A list of what to leave out: how many ids it gives, and those that a note had."""

    given: int
    met: set[str] = dataclasses.field(default_factory=set, repr=False)


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
        path: a source of notes, or several, told apart by what they are:
            MIMIC-III's `NOTEEVENTS.csv`, MIMIC-IV-Note's `discharge.csv` and `radiology.csv`, or
            any table with note_id and text, separated by commas, semicolons or tabs;
            JSON lines, an object with note_id and text per line;
            a `.txt` file, a note, or a folder of them;
            all of these packed or not (.gz, .bz2, .xz, .zst, .zip);
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
    wanted = None if categories is None else {name.strip().casefold() for name in categories}
    subjects = set(map(normal_id, exclude_subjects)) - {None}
    admissions = set(map(normal_id, exclude_admissions)) - {None}
    paths = (path,) if isinstance(path, str) else path
    needed = _needed(subjects, admissions)
    met_subjects = counts.begin_list(EXCLUDED_SUBJECT, subjects)
    met_admissions = counts.begin_list(EXCLUDED_ADMISSION, admissions)
    for folder in filter(os.path.isdir, paths):
        counts.begin_folder(folder)
    opened = (_open_source(path, on_bytes, needed) for path in paths)
    for note, marked_as_error, mimic_iv in itertools.chain.from_iterable(opened):
        counts.read += 1
        if note.subject_id in subjects:
            met_subjects.add(note.subject_id)
        if note.hadm_id in admissions:
            met_admissions.add(note.hadm_id)
        reason = MARKED_AS_ERROR if marked_as_error else None
        reason = reason or _why_left_out(note, wanted, subjects, admissions)
        if reason:
            counts.count_filtered(reason)
        elif not note.text or note.text.isspace():
            counts.empty += 1
        else:
            counts.used += 1
            if mimic_iv and not original_text:
                note = dataclasses.replace(note, text=mark_mimic_iv_placeholders(note.text))
            yield note


def _why_left_out(
    note: Note, wanted: set[str] | None, subjects: set[str], admissions: set[str]
) -> str | None:
    """The reason for which a note is filtered, or None."""
    if wanted is not None and note.category.casefold() not in wanted:
        return OTHER_CATEGORY
    if note.subject_id in subjects:
        return EXCLUDED_SUBJECT
    if subjects and note.subject_id is None:
        return UNKNOWN_SUBJECT
    return EXCLUDED_ADMISSION if note.hadm_id in admissions else None


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
    needed = _needed(exclude_subjects, exclude_admissions)
    if database_urls.is_url(path):
        with contextlib.closing(note_sql.read_query(path, needed, columns_only=True)) as found:
            next(found, None)
        return True
    with contextlib.closing(_open_source(path, None, needed)) as found:
        return next(found, None) is not None


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
    kind = file_kinds.kind_of(path)
    if kind == file_kinds.JSON_LINES:
        return note_files.read_json_lines(path, on_bytes, needed)
    if kind == file_kinds.TEXT:
        return note_files.read_text_file(path, on_bytes, needed)
    return note_tables.read_table(path, on_bytes, needed)

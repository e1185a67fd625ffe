"""Reads clinical notes, leaves out what was not asked for and counts what became of each."""

import dataclasses
import itertools
import os
from collections.abc import Collection, Iterator, Sequence

from tfrecords_builder.schema import Note
from tfrecords_builder.sources import note_files, note_sql, note_tables
from tfrecords_builder.sources.note_rows import NoteSourceError, SourceNote, normal_id
from tfrecords_builder.sources.note_tables import OnBytes

__all__ = ["NoteCounts", "NoteSourceError", "is_source", "read_ids", "read_notes", "source_name"]

# Why a note was left out; the names stand in manifests.
MARKED_AS_ERROR = "marked_as_error"
OTHER_CATEGORY = "other_category"
EXCLUDED_SUBJECT = "excluded_subject"
EXCLUDED_ADMISSION = "excluded_admission"


@dataclasses.dataclass
class NoteCounts:
    """What became of the notes of a source; `read` = `used` + `empty` + all of `filtered`.

    Attributes:
        read: notes in the source.
        used: notes handed on.
        empty: notes without a character other than white space.
        filtered: notes left out, by reason.
        characters: characters of the notes handed on.
    """

    read: int = 0
    used: int = 0
    empty: int = 0
    filtered: dict[str, int] = dataclasses.field(default_factory=dict)
    characters: int = 0

    def count_filtered(self, reason: str) -> None:
        self.filtered[reason] = self.filtered.get(reason, 0) + 1

    def add(self, other: "NoteCounts") -> None:
        """Adds the counts of another source or worker."""
        self.read += other.read
        self.used += other.used
        self.empty += other.empty
        self.characters += other.characters
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
        exclude_subjects: patients whose notes are left out.
        exclude_admissions: hospital admissions whose notes are left out.
        counts: filled in while the notes stream.
        on_bytes: told of the bytes of files as they are read; of databases it hears nothing.

    Yields:
        One `Note` a row that is not marked as an error, not filtered and not empty, in the order
        of the source.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a source needs an extra that is not installed; names it.
        NoteSourceError: a source cannot be read to its end; names source and row, never the text.
    """
    counts = NoteCounts() if counts is None else counts
    wanted = None if categories is None else {name.strip().casefold() for name in categories}
    subjects = set(map(normal_id, exclude_subjects)) - {None}
    admissions = set(map(normal_id, exclude_admissions)) - {None}
    paths = (path,) if isinstance(path, str) else path
    opened = (_open_source(path, on_bytes) for path in paths)
    for note, marked_as_error in itertools.chain.from_iterable(opened):
        counts.read += 1
        if marked_as_error:
            counts.count_filtered(MARKED_AS_ERROR)
        elif wanted is not None and note.category.casefold() not in wanted:
            counts.count_filtered(OTHER_CATEGORY)
        elif note.subject_id in subjects:
            counts.count_filtered(EXCLUDED_SUBJECT)
        elif note.hadm_id in admissions:
            counts.count_filtered(EXCLUDED_ADMISSION)
        elif not note.text or note.text.isspace():
            counts.empty += 1
        else:
            counts.used += 1
            counts.characters += len(note.text)
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


def is_source(path: str) -> bool:
    """Whether `read_notes` can try to read it: a file, a folder, or a database's URL."""
    return note_sql.is_url(path) or os.path.exists(path)


def source_name(path: str) -> str:
    """The source as it may stand in messages and manifests: a URL without its password."""
    return note_sql.source_name(path) if note_sql.is_url(path) else path


def _open_source(path: str, on_bytes: OnBytes | None) -> Iterator[SourceNote]:
    if note_sql.is_url(path):
        return note_sql.read_query(path)
    if os.path.isdir(path):
        if note_files.holds_parquet(path):
            return note_files.read_parquet(path, on_bytes)
        return note_files.read_text_folder(path, on_bytes)
    if path.endswith(note_files.PARQUET_SUFFIX):
        return note_files.read_parquet(path, on_bytes)
    if path.endswith(note_files.JSON_LINES_SUFFIXES):
        return note_files.read_json_lines(path, on_bytes)
    return note_tables.read_table(path, on_bytes)

"""Rows of note tables, whatever they come from, as notes."""

import contextlib
import os
import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from tfrecords_builder.exported_cells import flag_of, known_id, normal_id
from tfrecords_builder.schema import Note


class SourceNote(NamedTuple):
    """A row of a source.

    Attributes:
        note: with its text as the source has it.
        marked_as_error: whether the source marks it as an error.
        mimic_iv: whether it is of MIMIC-IV-Note, which writes `___` for all that was removed.
    """

    note: Note
    marked_as_error: bool
    mimic_iv: bool = False


NOTEEVENTS_COLUMNS = ("row_id", "subject_id", "hadm_id", "category", "iserror", "text")
MIMIC_IV_COLUMNS = ("note_id", "subject_id", "hadm_id", "note_type", "text")
# MIMIC-IV-Note's types in MIMIC-III's words: summaries, radiology reports and their addenda.
_MIMIC_IV_CATEGORIES = {
    "DS": "Discharge summary",
    "AD": "Discharge summary",
    "RR": "Radiology",
    "AR": "Radiology",
}
# Columns by which notes are left out, and the option that asks for it.
SUBJECT_ID, ADMISSION_ID = "subject_id", "hadm_id"
_ASKED_BY = {SUBJECT_ID: "--exclude_subjects", ADMISSION_ID: "--exclude_admissions"}
_surrogate = re.compile("[\ud800-\udfff]")
# All but those that stand for bytes that were not UTF-8.
_half_character = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_high_bytes = re.compile(rb"[\x80-\xff]+")


class NoteSourceError(ValueError):
    """A source of notes cannot be read; the message names source and row, never the text."""


class NoteRows:
    """Turns the rows of one source into notes.

    The note's id is the column `note_id` or `row_id`; besides it only `text` must be there.
    `category` (or MIMIC-IV-Note's `note_type`), `subject_id`, `hadm_id` and `iserror` are optional.
    """

    def __init__(
        self,
        source: str,
        names: Iterable[str],
        required: Sequence[str] = (),
        needed: Collection[str] = (),
    ):
        """Finds the columns.

        Args:
            source: for errors.
            names: the columns, in upper or lower case.
            required: lower-case names of further columns that must be there.
            needed: see `check_ids`.

        Raises:
            NoteSourceError: a column is missing, or the id's or the text's is there twice; names
                it.
        """
        self._source = source
        names = [name.strip().lower() for name in names]
        found = {name: names.index(name) for name in names}
        id_name = "note_id" if "note_id" in found else "row_id"
        required = tuple(required) or (id_name, "text")
        _check_columns(source, found, required)
        twice = [name for name in (id_name, "text") if names.count(name) > 1]
        if twice:
            raise NoteSourceError(
                f"{source}: expected each column once, received {' and '.join(twice)} several "
                "times. Name the columns apart, or drop those that are not meant."
            )
        check_ids(source, found, needed)
        self._id, self._text = found[id_name], found["text"]
        self._subject, self._admission = found.get(SUBJECT_ID), found.get(ADMISSION_ID)
        self._mimic_iv = "note_type" in found and "category" not in found
        self._category = found.get("note_type" if self._mimic_iv else "category")
        self._is_error = found.get("iserror")

    def note(self, row: int, fields: Sequence[Any]) -> SourceNote:
        """Makes a note of one row.

        Args:
            row: its number, for errors.
            fields: its values in the order of the columns: strings, numbers, None.

        Raises:
            NoteSourceError: the row has no id, its text is no string, or was not UTF-8.
        """
        text = fields[self._text]
        text = "" if text is None else text
        if not isinstance(text, str):
            raise NoteSourceError(
                f"{self._source}, row {row}: expected a string as text, received "
                f"{type(text).__name__}. Check the column."
            )
        if not text.isascii():
            check_decoded(self._source, row, text)
        note_id = normal_id(fields[self._id])
        if not note_id:
            raise NoteSourceError(
                f"{self._source}, row {row}: expected an id, received none. "
                "Export the notes again or remove the row."
            )
        category = _optional(fields, self._category)
        category = "" if category is None else str(category).strip()
        if self._mimic_iv:
            category = _MIMIC_IV_CATEGORIES.get(category, category)
        flag = _optional(fields, self._is_error)
        note = Note(
            note_id,
            category,
            text,
            known_id(_optional(fields, self._subject)),
            known_id(_optional(fields, self._admission)),
        )
        return SourceNote(note, _is_set(self._source, row, flag), self._mimic_iv)


def _is_set(source: str, row: int, flag: Any) -> bool:
    """Whether ISERROR is set.

    Raises:
        NoteSourceError: it is neither set nor unset in any spelling known; the value is not shown.
    """
    found = flag_of(flag)
    if found is None:
        raise NoteSourceError(
            f"{source}, row {row}: expected iserror to be 1 or 0, true or false, t or f, yes or "
            f"no, or empty, received something else of {len(str(flag).strip())} characters. "
            "Correct the column, or drop it from the table."
        )
    return found


def check_decoded(source: str, row: int, text: str) -> None:
    """Refuses text with surrogates: bytes that were not UTF-8, or half a character in JSON.

    Raises:
        NoteSourceError: names source and row, and what the bytes look like.
    """
    if not _surrogate.search(text):
        return
    if _half_character.search(text):
        raise NoteSourceError(
            f"{source}, row {row}: expected whole characters, received half of one (\\ud800 to "
            "\\udfff without its other half), as a text is that was cut by its length in UTF-16. "
            "Write the source again from the whole text, or drop the half."
        )
    encoding = likely_encoding(text.encode("utf-8", "surrogateescape"))
    file = shlex.quote(source) if os.path.isfile(source) else "FILE"
    raise NoteSourceError(
        f"{source}, row {row}: expected UTF-8, received bytes that are not and look like "
        f"{encoding}. Convert the file (unpacked): iconv -f {encoding} -t UTF-8 {file} > NEW_FILE. "
        "If words with accents are wrong then, it has another encoding."
    )


def likely_encoding(data: bytes) -> str:
    """Returns the name, for iconv, of what bytes that are not UTF-8 are most likely encoded in."""
    high = sum(byte > 127 for byte in data)
    in_pairs = sum(len(run) for run in _high_bytes.findall(data) if len(run) > 1)
    # Of the letters of European languages few stand beside another one with an accent.
    if in_pairs > 0.8 * high:
        for encoding in ("gb18030", "big5", "shift_jis"):
            with contextlib.suppress(UnicodeDecodeError):
                data.decode(encoding)
                return encoding.upper()
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "LATIN1"
    return "CP1252"


def check_ids(source: str, carried: Iterable[str], needed: Collection[str]) -> None:
    """Refuses a source without the ids by which notes shall be left out: none would be.

    Args:
        source: for errors.
        carried: the columns that the source has.
        needed: of `SUBJECT_ID`, `ADMISSION_ID` those that must be there.

    Raises:
        NoteSourceError: one is not; names it.
    """
    carried = set(carried)
    for name in (SUBJECT_ID, ADMISSION_ID):
        if name in needed and name not in carried:
            raise NoteSourceError(
                f"{source}: expected a {name} with each note, to leave out those of "
                f"{_ASKED_BY[name]}, received none. Add it to the source, or leave the notes out "
                f"yourself and drop {_ASKED_BY[name]}."
            )


def _optional(fields: Sequence[Any], place: int | None) -> Any:
    return None if place is None else fields[place]


def _check_columns(source: str, found: Iterable[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in found]
    if missing:
        # A table without a header would show its first row here, so only known names are repeated.
        received = [name for name in found if name in {*required, *NOTEEVENTS_COLUMNS}]
        expected = ", ".join(required).upper()
        if "note_id" not in required:
            expected += " (or NOTE_ID and TEXT)"
        raise NoteSourceError(
            f"{source}, header: expected the columns {expected}, received "
            f"{', '.join(received).upper() or 'none of them'} (missing: "
            f"{', '.join(missing).upper()}). Export the table with its header and these columns."
        )

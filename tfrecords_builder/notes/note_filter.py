"""Which notes are left out."""

from collections.abc import Collection

from tfrecords_builder.exported_cells import normal_id
from tfrecords_builder.notes.note_counts import (
    EXCLUDED_ADMISSION,
    EXCLUDED_SUBJECT,
    MARKED_AS_ERROR,
    OTHER_CATEGORY,
    UNKNOWN_SUBJECT,
    NoteCounts,
)
from tfrecords_builder.notes.sources.note_rows import ADMISSION_ID, SUBJECT_ID
from tfrecords_builder.schema import Note


class NoteFilter:
    """Decides which notes are used, and counts what becomes of each.

    Args:
        categories, exclude_subjects, exclude_admissions: see `reading.read_notes`.
        counts: filled in.
    """

    def __init__(
        self,
        categories: Collection[str] | None,
        exclude_subjects: Collection[str],
        exclude_admissions: Collection[str],
        counts: NoteCounts,
    ):
        folded = None if categories is None else {name.strip().casefold() for name in categories}
        self._categories = folded
        self._subjects = set(map(normal_id, exclude_subjects)) - {None}
        self._admissions = set(map(normal_id, exclude_admissions)) - {None}
        self._counts = counts
        self._met_subjects = counts.begin_list(EXCLUDED_SUBJECT, self._subjects)
        self._met_admissions = counts.begin_list(EXCLUDED_ADMISSION, self._admissions)

    @property
    def columns(self) -> list[str]:
        """The columns of ids that notes are left out by; a source must have them."""
        lists = ((SUBJECT_ID, self._subjects), (ADMISSION_ID, self._admissions))
        return [name for name, ids in lists if ids]

    def uses(self, note: Note, marked_as_error: bool) -> bool:
        """Returns whether a note is used: not marked as an error, not filtered and not empty."""
        counts = self._counts
        counts.read += 1
        if note.subject_id in self._subjects:
            self._met_subjects.add(note.subject_id)
        if note.hadm_id in self._admissions:
            self._met_admissions.add(note.hadm_id)
        if reason := MARKED_AS_ERROR if marked_as_error else self._why_left_out(note):
            counts.count_filtered(reason)
            return False
        if not note.text or note.text.isspace():
            counts.empty += 1
            return False
        counts.used += 1
        return True

    def _why_left_out(self, note: Note) -> str | None:
        """The reason for which a note is filtered, or None."""
        if self._categories is not None and note.category.casefold() not in self._categories:
            return OTHER_CATEGORY
        if note.subject_id in self._subjects:
            return EXCLUDED_SUBJECT
        if self._subjects and note.subject_id is None:
            return UNKNOWN_SUBJECT
        return EXCLUDED_ADMISSION if note.hadm_id in self._admissions else None

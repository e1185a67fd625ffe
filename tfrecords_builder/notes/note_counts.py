"""What became of the notes of a source, and why some were left out."""

import dataclasses
from collections.abc import Collection

from absl import logging

from tfrecords_builder.notes import text_forms
from tfrecords_builder.notes.sources import note_folders
from tfrecords_builder.notes.sources.note_rows import ADMISSION_ID, SUBJECT_ID

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
        forms: notes in a form that an export leaves, see text_forms.
        lists: of the lists of what to leave out, by reason: how many ids, and which met a note.
    """

    read: int = 0
    used: int = 0
    empty: int = 0
    filtered: dict[str, int] = dataclasses.field(default_factory=dict)
    files_not_read: dict[str, int] = dataclasses.field(default_factory=dict)
    forms: dict[str, int] = dataclasses.field(default_factory=dict)
    lists: dict[str, "ListedIds"] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    def count_filtered(self, reason: str) -> None:
        self.filtered[reason] = self.filtered.get(reason, 0) + 1

    def count_form(self, text: str) -> None:
        """Counts the text of a note that is handed on by its form."""
        if form := text_forms.unusual_form(text):
            self.forms[form] = self.forms.get(form, 0) + 1

    def add(self, other: "NoteCounts") -> None:
        """Adds the counts of another source or worker."""
        self.read += other.read
        self.used += other.used
        self.empty += other.empty
        _add(self.filtered, other.filtered)
        _add(self.files_not_read, other.files_not_read)
        _add(self.forms, other.forms)
        for reason, listed in other.lists.items():
            self.lists.setdefault(reason, ListedIds(listed.given)).met.update(listed.met)

    def begin_folder(self, path: str) -> None:
        """Counts the files of a folder that are not read, and says so."""
        kinds = note_folders.files_not_read(path)
        _add(self.files_not_read, kinds)
        if kinds:
            logging.warning(
                "%s: %d files in this folder are not read as notes: %s.",
                path,
                sum(kinds.values()),
                ", ".join(f"{number} of {kind}" for kind, number in kinds.items()),
            )

    def begin_list(self, reason: str, ids: Collection[str]) -> set[str]:
        """Shows that notes are left out by a list, also if it meets none; returns the ids met."""
        if not ids:
            return set()
        self.filtered.setdefault(reason, 0)
        return self.lists.setdefault(reason, ListedIds(len(ids))).met

    def warn(self) -> None:
        """Says, when all is read, what the reader should know; shows neither ids nor text."""
        for form, number in self.forms.items():
            remedy = text_forms.REMEDIES[form]
            logging.warning("%d of the %d notes used %s", number, self.used, remedy)
        self._warn_of_unmet_ids()

    def _warn_of_unmet_ids(self) -> None:
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


def _add(counts: dict[str, int], others: dict[str, int]) -> None:
    for name, number in others.items():
        counts[name] = counts.get(name, 0) + number


@dataclasses.dataclass
class ListedIds:
    """A list of what to leave out: how many ids it gives, and those that a note had."""

    given: int
    met: set[str] = dataclasses.field(default_factory=set, repr=False)

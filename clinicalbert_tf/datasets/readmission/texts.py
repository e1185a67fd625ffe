"""From an admission's notes to the chunks of a set, under either set of rules."""

import collections
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from clinicalbert_tf.datasets.readmission import cleaning, huang2019
from clinicalbert_tf.datasets.readmission.labels import Cohort
from clinicalbert_tf.datasets.readmission.settings import (
    EARLY_DAYS,
    HUANG2019,
    SETS,
    ReadmissionSettings,
)
from clinicalbert_tf.datasets.readmission.spill import NoteSpill
from tfrecords_builder.text.huang2019 import clean as clean_as_published

# What becomes of an admission in a set.
WITH_TEXT = "with_text"
WITHOUT_NOTES = "without_notes"
SHORTER_STAY = "shorter_stay"
EMPTY = "empty_after_cleaning"


class AdmissionTexts:
    """The cleaned text of each admission in each set.

    Args:
        cohort: the admissions.
        spill: their notes.
        settings: the rules.
        lower_case: whether corrected cleaning lower-cases.
    """

    def __init__(
        self, cohort: Cohort, spill: NoteSpill, settings: ReadmissionSettings, lower_case: bool
    ):
        self._spill = spill
        self._reference_rules = settings.split == HUANG2019
        self._full_stays = settings.early_stays == "full"
        if settings.cleaning == HUANG2019:
            self._clean: Callable[[str], str] = clean_as_published
        else:
            self._clean = lambda text: cleaning.clean(text, lower_case)
        stayed = cohort.table["END"] - cohort.table["START"]
        self._days = (stayed.dt.total_seconds() / 86400).to_numpy()

    def text(self, name: str, row: int) -> tuple[str | None, str]:
        """The cleaned text of an admission in a set, None if it has none, and what became of it."""
        early = not self._reference_rules and self._full_stays and name in EARLY_DAYS
        # NaN, an unknown end, is no full stay either.
        if early and not self._days[row] >= EARLY_DAYS[name]:
            return None, SHORTER_STAY
        notes = self._spill.texts(row, 1 << SETS.index(name))
        if self._reference_rules:
            text = huang2019.set_text(name, notes)
        else:
            # The same summary is sometimes filed twice.
            text = "\n".join(dict.fromkeys(filter(None, notes))) if notes else None
        if text is None:
            return None, WITHOUT_NOTES
        text = self._clean(text)
        return (text, WITH_TEXT) if text.strip() else (None, EMPTY)

    def texts(
        self, name: str, rows: Iterable[int], counts: collections.Counter | None = None
    ) -> Iterator[tuple[int, str]]:
        """(row, text) of the admissions that have a text in the set; counts what became of each."""
        for row in rows:
            text, fate = self.text(name, row)
            if counts is not None:
                counts[fate] += 1
            if text is not None:
                yield row, text


def in_reading_order(cohort: Cohort, rows: Iterable[int]) -> list[int]:
    """Rows by patient and admission: as numbers if all ids are, else as text."""
    ids = {name: cohort.table[name].to_numpy() for name in ("SUBJECT_ID", "HADM_ID")}
    if all(value.isdigit() for column in ids.values() for value in column):
        ids = {name: column.astype(np.int64) for name, column in ids.items()}
    return sorted(rows, key=lambda row: (ids["SUBJECT_ID"][row], ids["HADM_ID"][row]))

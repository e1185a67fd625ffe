"""Which notes an admission's texts are made of: nothing from outside the time that is watched.

Discharge set: the summaries and addenda, dated from the day of admission to `summary_days` after
discharge and before the patient's next admission. Early sets: all other kinds of note, from
admission on and written before the prediction time, which is admission plus two or three days.
"""

import collections
import datetime
from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.datasets.readmission import tables
from clinicalbert_tf.datasets.readmission.labels import Cohort, seconds_of
from clinicalbert_tf.datasets.readmission.settings import (
    EARLY_DAYS,
    SETS,
    ReadmissionSettings,
)
from clinicalbert_tf.datasets.readmission.spill import Choice
from tfrecords_builder.exported_cells import flag_of

SUMMARY = "discharge summary"
# MIMIC-IV-Note's types in MIMIC-III's words.
_MIMIC_IV_CATEGORIES = {"ds": SUMMARY, "ad": SUMMARY, "rr": "radiology", "ar": "radiology"}
_DAY = 86400
_NO_TIME = np.iinfo(np.int64).min
_EPOCH = datetime.datetime(1970, 1, 1)
_DISCHARGE_BIT = 1 << SETS.index("discharge")
_EARLY_BITS = {name: 1 << SETS.index(name) for name in EARLY_DAYS}


def normal_category(category: str) -> str:
    """A kind of note in lower case with single spaces: MIMIC-III ends two of them in a space."""
    category = " ".join(category.split()).casefold()
    return _MIMIC_IV_CATEGORIES.get(category, category)


class NoteColumns:
    """Where a file of notes has what is needed.

    Args:
        path: for errors.
        header: its columns, in upper case.

    Raises:
        TableError: one is missing.
    """

    def __init__(self, path: str, header: Sequence[str]):
        self.is_mimic_iv = "NOTE_TYPE" in header and "CATEGORY" not in header
        category = "NOTE_TYPE" if self.is_mimic_iv else "CATEGORY"
        time = "CHARTTIME" if self.is_mimic_iv else "CHARTDATE"
        tables.check_columns(path, header, ("SUBJECT_ID", "HADM_ID", time, category, "TEXT"))
        self.subject, self.admission, self.text, self.category = (
            header.index(name) for name in ("SUBJECT_ID", "HADM_ID", "TEXT", category)
        )
        self.date, self.time, self.stored, self.error = (
            header.index(name) if name in header else None
            for name in ("CHARTDATE", "CHARTTIME", "STORETIME", "ISERROR")
        )


class Selector:
    """Chooses notes by the corrected rules and counts what becomes of each.

    Args:
        cohort: the labelled admissions.
        settings: the rules.

    Attributes:
        counts: notes by what became of them.
    """

    def __init__(self, cohort: Cohort, settings: ReadmissionSettings):
        self._settings = settings
        self._stays = cohort.stays
        self._known = set(cohort.table["HADM_ID"])
        self._subjects = cohort.table["SUBJECT_ID"].to_numpy()
        self._times = np.stack(
            [seconds_of(cohort.table[name]) for name in ("START", "END", "NEXT_START")], axis=1
        ).tolist()
        self._early_categories = frozenset(map(normal_category, settings.early_categories))
        self.counts: collections.Counter = collections.Counter()

    def choose(self, fields: Sequence[str], columns: NoteColumns) -> Choice | None:
        """Says where a note belongs; None if nowhere."""
        choice, fate = self._choose(fields, columns)
        self.counts[fate] += 1
        return choice

    def _choose(self, fields, columns) -> tuple[Choice | None, str]:
        hadm_id = tables.normal_id(fields[columns.admission])
        if not hadm_id:
            return None, "without_admission_id"
        row = self._stays.get(hadm_id)
        if row is None:
            known = hadm_id in self._known
            return None, "of_admission_left_out" if known else "of_unknown_admission"
        if tables.normal_id(fields[columns.subject]) != self._subjects[row]:
            return None, "of_another_patient_than_the_admission"
        error = columns.error is not None and flag_of(fields[columns.error])
        if error is not False:
            return None, "marked_as_error" if error else "with_unreadable_iserror"
        if not fields[columns.text].strip():
            return None, "empty"
        category = normal_category(fields[columns.category])
        day, moment, stored = _times(fields, columns)
        if day is None:
            return None, "without_readable_date"
        if category == SUMMARY:
            return self._summary(row, day, moment)
        if self._early_categories and category not in self._early_categories:
            return None, "other_category"
        return self._early(row, day, moment, stored)

    def _summary(self, row: int, day: int, moment: int | None) -> tuple[Choice | None, str]:
        start, end, following = self._times[row]
        if day < _midnight(start):
            return None, "summary_before_admission"
        if end == _NO_TIME:
            return None, "summary_of_unknown_discharge"
        last_day = _midnight(end)
        if day > last_day + self._settings.summary_days * _DAY:
            return None, "summary_too_long_after_discharge"
        if day > last_day and following != _NO_TIME and day >= _midnight(following):
            return None, "summary_after_next_admission"
        fate = "summary_after_discharge_used" if day > last_day else "summary_used"
        return Choice(row, _DISCHARGE_BIT, day if moment is None else moment), fate

    def _early(self, row, day, moment, stored) -> tuple[Choice | None, str]:
        start, end, _ = self._times[row]
        # A note with a date only may have been written until that day's end.
        began = day + _DAY - 1 if moment is None else moment
        if began < start:
            return None, "before_admission"
        written = day + _DAY if moment is None else max(moment, stored)
        if end != _NO_TIME and self._settings.early_stays == "all" and written > end:
            return None, "after_discharge"
        sets = 0
        for name, days in EARLY_DAYS.items():
            if _is_before(written, start + days * _DAY, dated_only=moment is None):
                sets |= _EARLY_BITS[name]
        if not sets:
            return None, "after_prediction_time"
        return Choice(row, sets, day if moment is None else moment), "early_used"


def _is_before(written: int, prediction: int, dated_only: bool) -> bool:
    return written <= prediction if dated_only else written < prediction


def _times(fields, columns) -> tuple[int | None, int | None, int]:
    """Midnight of a note's day, its time of day if known, when it was stored (or the least)."""
    moment = _seconds(fields[columns.time]) if columns.time is not None else None
    date = _seconds(fields[columns.date]) if columns.date is not None else None
    stored = _seconds(fields[columns.stored]) if columns.stored is not None else None
    day = date if moment is None else moment
    if columns.is_mimic_iv and moment is not None and moment % _DAY == 0:
        moment = None  # MIMIC-IV writes midnight if only the day is known
    day = None if day is None else _midnight(day)
    return day, moment, _NO_TIME if stored is None else stored


def _midnight(seconds: int) -> int:
    return seconds - seconds % _DAY


def _seconds(text: str) -> int | None:
    """Seconds since 1970 of a time that `tables.parse_time` reads; None if unreadable."""
    time = tables.parse_time(text)
    return time and int((time - _EPOCH).total_seconds())

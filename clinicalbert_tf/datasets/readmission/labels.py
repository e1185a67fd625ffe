"""Who came back: the corrected labels, and why an admission is left out.

A return is the patient's next unplanned admission that begins at or after discharge. Planned ones
are skipped. Newborns and patients who died in hospital are not predicted for; their admissions
still count as returns of others.
"""

import collections
import dataclasses
import itertools

import numpy as np
import pandas as pd

from clinicalbert_tf.datasets.readmission.settings import (
    DROP,
    MERGE,
    ReadmissionSettings,
)

# MIMIC-III's and MIMIC-IV's names of planned admissions; no name means both in the two.
PLANNED = frozenset(("ELECTIVE", "SURGICAL SAME DAY ADMISSION"))
NEWBORN = "NEWBORN"
# Why an admission is left out; the first that holds is the one on record.
DUPLICATE = "duplicate_hadm_id"
UNREADABLE_ADMITTIME = "unreadable_admittime"
DISCHARGE_BEFORE_ADMISSION = "discharge_before_admission"
NEWBORN_ADMISSION = "newborn"
DIED = "died_in_hospital"
MERGED = "merged_into_next"
OVERLAPPING = "overlapping"
TRANSFERRED = "transferred"
ELECTIVE_INDEX = "elective_index"
UNDER_MIN_AGE = "under_min_age"
UNKNOWN_AGE = "unknown_age"
UNKNOWN_FOLLOW_UP = "unknown_follow_up"
_SECONDS_PER_DAY = 86400
_NO_TIME = np.iinfo(np.int64).min
_YES = frozenset(("1", "1.0"))
_TRANSFER = "TRANSFER FROM"


@dataclasses.dataclass(frozen=True)
class Cohort:
    """The admissions with their labels.

    Attributes:
        table: one row per row of the input, in its order: SUBJECT_ID, HADM_ID, DAYS (to the next
            unplanned admission; NaN if there is none), LABEL (0 or 1; -1 if unknown), KEPT, REASON,
            START, END and NEXT_START (datetime64: of the stay, and of the patient's next admission
            of any kind).
        stays: {HADM_ID: row whose stay its notes belong to}, of kept stays.
        counts: what was found and what was done about it.
    """

    table: pd.DataFrame
    stays: dict[str, int]
    counts: dict


@dataclasses.dataclass
class _Stay:
    """One admission, or several that were merged; the last one is predicted for."""

    rows: list[int]
    start: int
    end: int

    @property
    def row(self) -> int:
        return self.rows[-1]


def seconds_of(times: pd.Series) -> np.ndarray:
    """int64 seconds since 1970; the least int64 if missing."""
    return times.astype("datetime64[s]").astype("int64").to_numpy()


def label_admissions(table: pd.DataFrame, settings: ReadmissionSettings) -> Cohort:
    """Labels the admissions by the corrected rules.

    Args:
        table: see `tables.read_admissions`.
        settings: the rules.
    """
    return _Labelling(table, settings).run()


class _Labelling:
    """Columns as lists, for one pass over the patients."""

    def __init__(self, table: pd.DataFrame, settings: ReadmissionSettings):
        self.table, self.settings = table, settings
        self.starts, self.ends = (
            seconds_of(table[f"{name}_PARSED"]) for name in ("ADMITTIME", "DISCHTIME")
        )
        types = table["ADMISSION_TYPE"].str.strip().str.upper()
        self.planned = types.isin(PLANNED).to_numpy()
        self.newborn = (types == NEWBORN).to_numpy()
        flag = table["HOSPITAL_EXPIRE_FLAG"].str.strip().isin(_YES)
        # A time of death that cannot be read is still one.
        self.died = (flag | (table["DEATHTIME"].str.strip() != "")).to_numpy()
        arrived = table["ADMISSION_LOCATION"].str.strip().str.upper()
        self.by_transfer = arrived.str.startswith(_TRANSFER).to_numpy(bool)
        self.reasons = [""] * len(table)
        self.days = np.full(len(table), np.nan)
        self.labels = np.full(len(table), -1)
        self.stay_times = np.full((len(table), 3), _NO_TIME)
        self.stays: list[_Stay] = []
        self.found: collections.Counter = collections.Counter()

    def run(self) -> Cohort:
        self._leave_out_duplicates()
        self._leave_out(
            self.starts == _NO_TIME, UNREADABLE_ADMITTIME, "admissions_without_readable_admittime"
        )
        reversed_times = (self.ends != _NO_TIME) & (self.ends < self.starts)
        self.reversed_times = reversed_times & (self.starts != _NO_TIME)
        self._leave_out(
            self.reversed_times,
            DISCHARGE_BEFORE_ADMISSION,
            "discharge_before_admission",
            self.settings.discharge_before_admission == DROP,
        )
        self._leave_out(self.newborn, NEWBORN_ADMISSION, "newborn")
        subjects = self.table["SUBJECT_ID"].to_numpy()
        lost = {
            subject
            for subject, reason in zip(subjects, self.reasons, strict=True)
            if reason == UNREADABLE_ADMITTIME
        }
        for subject, rows in self._patients(subjects):
            self._label_patient(rows, follow_up_known=subject not in lost)
        return self._cohort()

    def _patients(self, subjects: np.ndarray):
        """Each patient's rows with a known admission time, in its order."""
        rows = [
            row
            for row in range(len(subjects))
            if self.reasons[row] not in (DUPLICATE, UNREADABLE_ADMITTIME)
        ]
        rows.sort(key=lambda row: (subjects[row], self.starts[row], row))
        return itertools.groupby(rows, key=lambda row: subjects[row])

    def _leave_out_duplicates(self) -> None:
        ids = self.table["HADM_ID"]
        later = ids.duplicated(keep="first")
        self.found["duplicate_rows"] = int(later.sum())
        compared = ["SUBJECT_ID", "HADM_ID", "ADMITTIME", "DISCHTIME", "ADMISSION_TYPE"]
        equal = self.table.duplicated(subset=compared, keep="first")
        self.found["duplicate_rows_that_differ"] = int((later & ~equal).sum())
        if self.settings.duplicate_admissions == DROP:
            later = ids.duplicated(keep=False)
        self._mark(later.to_numpy(), DUPLICATE)

    def _leave_out(self, where: np.ndarray, reason: str, name: str, drop: bool = True) -> None:
        self.found[name] = int(where.sum())
        if drop:
            self._mark(where, reason)

    def _mark(self, where: np.ndarray, reason: str) -> None:
        for row in np.flatnonzero(where):
            self.reasons[row] = self.reasons[row] or reason

    def _label_patient(self, rows, follow_up_known: bool) -> None:
        stays = self._merge([_Stay([row], self.starts[row], self.ends[row]) for row in rows])
        for number, stay in enumerate(stays):
            self._label(stay, stays[number + 1 :])
            self._judge(stay, follow_up_known)
        self.stays += stays

    def _merge(self, stays: list[_Stay]) -> list[_Stay]:
        """Joins or leaves out what overlaps and what is a transfer."""
        merged: list[_Stay] = []
        for stay in stays:
            relation = self._relation(merged[-1], stay) if merged else None
            if relation:
                self.found[relation] += 1
                handling = getattr(self.settings, relation)
                if handling == MERGE:
                    previous = merged.pop()
                    ends = (previous.end, stay.end)
                    end = _NO_TIME if _NO_TIME in ends else max(ends)
                    self._mark_rows(previous.rows, MERGED)
                    stay = _Stay([*previous.rows, *stay.rows], previous.start, end)
                elif handling == DROP:
                    reason = OVERLAPPING if relation == "overlaps" else TRANSFERRED
                    self._mark_rows(merged[-1].rows, reason)
            merged.append(stay)
        return merged

    def _relation(self, stay: _Stay, following: _Stay) -> str | None:
        if stay.end == _NO_TIME or stay.end < stay.start:
            return None
        gap = following.start - stay.end
        if gap < 0:
            return "overlaps"
        arrived = self.by_transfer[following.rows[0]]
        return "transfers" if arrived and gap <= self.settings.transfer_hours * 3600 else None

    def _mark_rows(self, rows: list[int], reason: str) -> None:
        for row in rows:
            self.reasons[row] = self.reasons[row] or reason

    def _label(self, stay: _Stay, later: list[_Stay]) -> None:
        following = next((other.start for other in later if other.start > stay.start), _NO_TIME)
        self.stay_times[stay.row] = stay.start, stay.end, following
        if stay.end == _NO_TIME:
            return
        for other in later:
            if other.start >= stay.end and not self.planned[other.rows[0]]:
                self.days[stay.row] = (other.start - stay.end) / _SECONDS_PER_DAY
                break
        self.labels[stay.row] = self.days[stay.row] < self.settings.window_days

    def _judge(self, stay: _Stay, follow_up_known: bool) -> None:
        """Says why a stay is left out, if it is."""
        row, settings = stay.row, self.settings
        if any(self.died[row] for row in stay.rows):
            self.found["died_in_hospital"] += 1
            self._mark_rows([row], DIED)
        if self.planned[stay.rows[0]]:
            self.found["elective_index"] += 1
            if settings.elective_index == DROP:
                self._mark_rows([row], ELECTIVE_INDEX)
        if settings.min_age is not None:
            age = self.table["AGE"].iat[row]
            if np.isnan(age):
                self.found["unknown_age"] += 1
                self._mark_rows([row], UNKNOWN_AGE)
            elif age < settings.min_age:
                self.found["under_min_age"] += 1
                self._mark_rows([row], UNDER_MIN_AGE)
        if stay.end == _NO_TIME or (self.labels[row] == 0 and not follow_up_known):
            self.found["unknown_follow_up"] += 1
            if settings.unknown_follow_up == DROP:
                self.labels[row] = -1
                self._mark_rows([row], UNKNOWN_FOLLOW_UP)
            else:
                self.labels[row] = max(0, self.labels[row])

    def _cohort(self) -> Cohort:
        times = self.stay_times.astype("datetime64[s]")
        table = pd.DataFrame(
            {
                "SUBJECT_ID": self.table["SUBJECT_ID"],
                "HADM_ID": self.table["HADM_ID"],
                "DAYS": self.days,
                "LABEL": self.labels,
                "KEPT": [not reason for reason in self.reasons],
                "REASON": self.reasons,
                **{name: times[:, i] for i, name in enumerate(("START", "END", "NEXT_START"))},
            }
        )
        ids, kept = table["HADM_ID"].to_numpy(), table["KEPT"].to_numpy()
        stays = {ids[row]: stay.row for stay in self.stays if kept[stay.row] for row in stay.rows}
        return Cohort(table, stays, self._counts(table))

    def _counts(self, table: pd.DataFrame) -> dict:
        settings, found = self.settings, self.found
        options = {
            "overlaps": {"found": found["overlaps"], "done": settings.overlaps},
            "transfers": {
                "found": found["transfers"],
                "done": settings.transfers,
                "within_hours": settings.transfer_hours,
            },
            "min_age": {
                "years": settings.min_age,
                "under": found["under_min_age"],
                "unknown": found["unknown_age"],
            },
            "elective_index": {"found": found["elective_index"], "done": settings.elective_index},
            "unknown_follow_up": {
                "found": found["unknown_follow_up"],
                "done": settings.unknown_follow_up,
            },
            "discharge_before_admission": {
                "found": found["discharge_before_admission"],
                "done": settings.discharge_before_admission,
            },
            "duplicate_admissions": {
                "found": found["duplicate_rows"],
                "that_differ": found["duplicate_rows_that_differ"],
                "done": settings.duplicate_admissions,
            },
        }
        left_out = collections.Counter(filter(None, self.reasons))
        return {
            "options": options,
            "unreadable_times": unreadable_times(self.table),
            "read": len(table),
            "kept": int(table["KEPT"].sum()),
            "left_out": dict(sorted(left_out.items())),
            "kept_with_label_1": int((table["LABEL"][table["KEPT"]] == 1).sum()),
        }


def unreadable_times(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How many times are missing, and how many are there but cannot be read, by column."""
    counts = {}
    for name in ("ADMITTIME", "DISCHTIME", "DEATHTIME"):
        empty = table[name].str.strip() == ""
        unparsed = table[f"{name}_PARSED"].isna()
        counts[name] = {"missing": int(empty.sum()), "unreadable": int((unparsed & ~empty).sum())}
    return counts

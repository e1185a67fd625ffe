"""The reference's rules: labels, choice of notes, cleaning, chunks and split, quirks included.

Source: preprocess.py of ClinicalBERT (Huang et al. 2019). Its results are the golden data; what is
wrong with each rule stands in docs/readmission.md.
"""

import collections
import dataclasses
import datetime
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from clinicalbert_tf.datasets.readmission import tables
from clinicalbert_tf.datasets.readmission.labels import Cohort, unreadable_times
from clinicalbert_tf.datasets.readmission.selection import NoteColumns
from clinicalbert_tf.datasets.readmission.settings import EARLY_DAYS, SETS, ReadmissionSettings
from clinicalbert_tf.datasets.readmission.spill import Choice

CHUNK_WORDS = 318
# The rest of a text is a chunk of its own only if it has more words than this.
_SHORTEST_REST = 10
# More admissions without return whose chunks balance the training set.
MORE_NEGATIVES = {"discharge": 400, "early_3": 500}
_RANDOM_STATE = 1
_SECONDS_PER_DAY = 86400
# What pandas 1.5 reads as missing.
_MISSING = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null")
)  # fmt: skip
_SUMMARY = "Discharge summary"
_date = re.compile(r"\d{4}-\d{2}-\d{2}")
# Behind every date, in the order of text and with missing ones last.
_NOT_A_DATE, _NO_DATE = 10**7, 10**8


def label_admissions(table: pd.DataFrame, settings: ReadmissionSettings) -> Cohort:
    """Labels the admissions as the reference does.

    Args:
        table: see `tables.read_admissions`.
        settings: for `window_days`.

    Returns:
        The cohort; DAYS may be negative, and an unknown number of days gives label 0.

    Raises:
        TableError: an id is no number.
    """
    subjects, admissions = (_numbers_of(table, name) for name in ("SUBJECT_ID", "HADM_ID"))
    times = {name: _strict_times(table[name]) for name in tables.TIMES}
    after, places = _next_starts(subjects, times["ADMITTIME"], table["ADMISSION_TYPE"])
    days = (after - times["DISCHTIME"]).dt.total_seconds() / _SECONDS_PER_DAY
    reasons = np.where(table["ADMISSION_TYPE"] == "NEWBORN", "newborn", "")
    died = times["DEATHTIME"].notna().to_numpy() & (reasons == "")
    reasons = np.where(died, "died_in_hospital", reasons)
    result = pd.DataFrame(
        {
            "SUBJECT_ID": table["SUBJECT_ID"],
            "HADM_ID": table["HADM_ID"],
            "DAYS": days,
            "LABEL": (days < settings.window_days).astype(int),
            "KEPT": reasons == "",
            "REASON": reasons,
            "START": times["ADMITTIME"],
            "END": times["DISCHTIME"],
            "NEXT_START": after,
            "NUMERIC_SUBJECT": subjects,
            "NUMERIC_ADMISSION": admissions,
            "PLACE": places,
        }
    )
    kept = result["KEPT"]
    stays = dict(zip(result["HADM_ID"][kept], np.flatnonzero(kept).tolist(), strict=True))
    return Cohort(result, stays, {"unreadable_times": unreadable_times(table), **_counts(result)})


def _next_starts(
    subjects: pd.Series, starts: pd.Series, types: pd.Series
) -> tuple[pd.Series, np.ndarray]:
    """When each patient's next admission begins that is not elective, and the sorted rows' order.

    Returns:
        datetime64[s] [rows], missing if there is none; int [rows], where the table sorted by
        patient and time has the row: the order of the reference's id lists.
    """
    sorted_rows = pd.DataFrame(
        {"SUBJECT_ID": subjects, "START": starts, "TYPE": types, "ROW": np.arange(len(subjects))}
    ).sort_values(["SUBJECT_ID", "START"], kind="stable", na_position="last")
    by_subject = sorted_rows.groupby("SUBJECT_ID")
    elective = by_subject["TYPE"].shift(-1) == "ELECTIVE"
    following = by_subject["START"].shift(-1).mask(elective)
    sorted_rows["NEXT"] = following.groupby(sorted_rows["SUBJECT_ID"]).bfill()
    after = sorted_rows.sort_values("ROW")["NEXT"].to_numpy().astype("datetime64[s]")
    places = np.argsort(sorted_rows["ROW"].to_numpy(), kind="stable")
    return pd.Series(after, index=subjects.index), places


def _counts(result: pd.DataFrame) -> dict[str, Any]:
    """What accounting.json says of the labels."""
    kept, reasons = result["KEPT"], result["REASON"]
    return {
        "read": len(result),
        "kept": int(kept.sum()),
        "left_out": {
            reason: int((reasons == reason).sum()) for reason in sorted(set(reasons) - {""})
        },
        "kept_with_label_1": int(result["LABEL"][kept].sum()),
        "negative_days": int((result["DAYS"][kept] < 0).sum()),
        "days_unknown_but_labelled_0": int(result["END"].isna()[kept].sum()),
    }


class Selector:
    """Chooses notes as the reference does, and counts; see `selection.Selector`."""

    def __init__(self, cohort: Cohort):
        self._stays = cohort.stays
        self._known = set(cohort.table["HADM_ID"])
        self._subjects = cohort.table["SUBJECT_ID"].to_numpy()
        days = cohort.table["START"].astype("datetime64[s]").dt.normalize()
        self._days = [None if pd.isna(day) else day.toordinal() for day in days]
        self.counts: collections.Counter = collections.Counter()

    def choose(self, fields: Sequence[str], columns: NoteColumns) -> Choice | None:
        """Says where a note belongs; None if nowhere."""
        hadm_id = tables.normal_id(fields[columns.admission])
        row = self._stays.get(hadm_id)
        if row is None:
            fate = "of_admission_left_out" if hadm_id in self._known else "of_unknown_admission"
            self.counts[fate if hadm_id else "without_admission_id"] += 1
            return None
        if tables.normal_id(fields[columns.subject]) != self._subjects[row]:
            self.counts["of_another_patient_than_the_admission"] += 1
            return None
        return self._choose(row, fields, columns)

    def _choose(self, row: int, fields, columns: NoteColumns) -> Choice | None:
        is_missing = fields[columns.text] in _MISSING
        order, day = _order_and_day(fields[columns.date])
        sets = 1 if fields[columns.category] == _SUMMARY else 0
        since = None if day is None or self._days[row] is None else day - self._days[row]
        if since is not None and not is_missing:
            for name, days in EARLY_DAYS.items():
                sets |= (since < days) << SETS.index(name)
        self.counts["used" if sets else "not_used"] += 1
        if sets & ~1 and since < 0:
            self.counts["early_though_before_admission"] += 1
        if sets & ~1 and sets & 1:
            self.counts["early_though_discharge_summary"] += 1
        return Choice(row, sets, order, is_missing) if sets else None


def set_text(name: str, texts: Sequence[str | None]) -> str | None:
    """The text of an admission in a set: its last summary, or its early notes joined."""
    if not texts:
        return None
    return texts[-1] if name == "discharge" else " ".join(texts)


def words318(text: str) -> list[str]:
    """Cuts a text into chunks of 318 words; a rest of at most 10 words is lost."""
    words = text.split()
    whole = len(words) // CHUNK_WORDS * CHUNK_WORDS
    chunks = [" ".join(words[i : i + CHUNK_WORDS]) for i in range(0, whole, CHUNK_WORDS)]
    if len(words) - whole > _SHORTEST_REST:
        chunks.append(" ".join(words[whole:]))
    return chunks


@dataclasses.dataclass(frozen=True)
class Split:
    """The reference's split: rows of admissions.

    Attributes:
        train, dev, test: in the order of the reference's id lists.
        unused: negatives that none of the three has.
    """

    train: list[int]
    dev: list[int]
    test: list[int]
    unused: list[int]

    def more(self, name: str) -> list[int]:
        """The negatives that a set's training rows get on top; none if there are too few.

        There the reference fails.
        """
        wanted = MORE_NEGATIVES.get(name, 0)
        if len(self.unused) < wanted:
            return []
        return _sample(pd.Series(self.unused, dtype="int64"), n=wanted).tolist()


def split(cohort: Cohort) -> Split:
    """Splits the kept admissions: by admission, as many negatives as positives.

    Raises:
        ValueError: there are fewer negatives than positives.
    """
    kept = cohort.table[cohort.table["KEPT"]].sort_values("PLACE")
    rows = pd.Series(kept.index.to_numpy(), dtype="int64")
    labels = kept["LABEL"].to_numpy()
    positive, negative = rows[labels == 1], rows[labels == 0]
    if len(negative) < len(positive):
        raise ValueError(
            "Expected at least as many admissions without return as with one, received "
            f"{len(negative)} and {len(positive)}. The reference cannot split these: use "
            "--split=patient."
        )
    negative_used = _sample(negative, n=len(positive))
    parts = []
    for rows in (positive, negative_used):
        held_out = _sample(rows, frac=0.2)
        dev = _sample(held_out, frac=0.5)
        parts.append((rows.drop(held_out.index), dev, held_out.drop(dev.index)))
    train, dev, test = (
        [*of_positive, *of_negative] for of_positive, of_negative in zip(*parts, strict=True)
    )
    unused = negative.drop(negative_used.index)
    # In the order of pandas' concat and drop_duplicates: that of the negatives.
    return Split(train, dev, test, unused.tolist())


def shuffled(count: int) -> list[int]:
    """The order in which the reference writes `count` training rows."""
    return _sample(pd.Series(np.arange(count))).tolist() if count else []


def _sample(rows: pd.Series, n: int | None = None, frac: float | None = None) -> pd.Series:
    frac = 1 if n is None and frac is None else frac
    return rows.sample(n=n, frac=frac, random_state=_RANDOM_STATE)


def _order_and_day(date: str) -> tuple[int, int | None]:
    if _date.fullmatch(date):
        try:
            day = datetime.date.fromisoformat(date).toordinal()
        except ValueError:
            return _NOT_A_DATE, None
        return day, day
    return (_NO_DATE if date in _MISSING else _NOT_A_DATE), None


def _strict_times(texts: pd.Series) -> pd.Series:
    times = pd.to_datetime(texts, format="%Y-%m-%d %H:%M:%S", errors="coerce")
    return times.astype("datetime64[s]")


def _numbers_of(table: pd.DataFrame, name: str) -> pd.Series:
    numbers = pd.to_numeric(table[name], errors="coerce")
    if numbers.isna().any():
        raise tables.TableError(
            f"Expected numbers as {name} for --split=huang2019, received other ids in "
            f"{int(numbers.isna().sum())} rows. Use --split=patient."
        )
    return numbers

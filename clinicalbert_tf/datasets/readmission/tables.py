"""MIMIC's tables: rows of any of them, and ADMISSIONS as a pandas table."""

import datetime
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from clinicalbert_tf.datasets import table, table_parsers
from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings
from clinicalbert_tf.datasets.table_files import TableError
from clinicalbert_tf.datasets.table_format import TableFormat
from tfrecords_builder.exported_cells import known_id

TIMES = ("ADMITTIME", "DISCHTIME", "DEATHTIME")
_REQUIRED = ("SUBJECT_ID", "HADM_ID", "ADMITTIME", "DISCHTIME", "ADMISSION_TYPE")
_OPTIONAL = ("DEATHTIME", "ADMISSION_LOCATION", "HOSPITAL_EXPIRE_FLAG")
_CSV = TableFormat("csv")
_SECONDS_PER_DAY = 86400
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?)"
    r"(?:\.[0-9]+)?(?: UTC|Z)?"
)


def read_rows(path: str) -> tuple[list[str], Iterator[list[str]]]:
    """Opens a CSV table, gzipped or not.

    Returns:
        Its header in upper case (MIMIC-IV's is in lower case), and its rows as they are read.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: it is damaged, or a row has too few or too many cells; names file and line.
    """
    header = table_parsers.header_only(path, _CSV, None)
    rows = (list(row.cells.values()) for row in table.read_rows(path, _CSV))
    return [name.strip().upper() for name in header], rows


def check_columns(path: str, header: Sequence[str], required: Sequence[str]) -> None:
    """Refuses a table without the columns that are needed.

    Raises:
        TableError: names those that are missing.
    """
    missing = [name for name in required if name not in header]
    if missing:
        # A table without a header would show its first row here: only known names are repeated.
        raise TableError(
            f"{path}, header: expected the columns {', '.join(required)}, received a table without "
            f"{', '.join(missing)}. Export it with its header."
        )


def read_admissions(settings: ReadmissionSettings) -> pd.DataFrame:
    """Reads the admissions, in the file's order.

    Returns:
        SUBJECT_ID, HADM_ID, ADMISSION_TYPE, ADMISSION_LOCATION, HOSPITAL_EXPIRE_FLAG and the texts
        of TIMES as typed (missing columns: empty), and for each time NAME_PARSED, datetime64,
        NaT if missing or unreadable. AGE (years, NaN if not known) if there is a table of patients.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: a column is missing, there is no row, or the file is damaged.
    """
    frame = read_table(settings.admissions, _REQUIRED, _OPTIONAL)
    if not len(frame):
        raise TableError(f"{settings.admissions}: expected at least one admission, received none.")
    for name in ("SUBJECT_ID", "HADM_ID"):
        frame[name] = frame[name].map(normal_id)
    if not frame["HADM_ID"].map(bool).all() or not frame["SUBJECT_ID"].map(bool).all():
        raise TableError(
            f"{settings.admissions}: expected a SUBJECT_ID and a HADM_ID in every row, received "
            "rows without. Remove them or export the table again."
        )
    for name in TIMES:
        frame[f"{name}_PARSED"] = parse_times(frame[name])
    if settings.patients:
        frame["AGE"] = _ages(frame, settings.patients)
    return frame


def read_table(path: str, required: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Reads a few columns of a small table, every value a string as typed.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: a required column is missing, or the file is damaged.
    """
    header, rows = read_rows(path)
    check_columns(path, header, required)
    places = {name: header.index(name) for name in (*required, *optional) if name in header}
    values = [[fields[place] for place in places.values()] for fields in rows]
    frame = pd.DataFrame(values, columns=list(places), dtype=object)
    for name in optional:
        if name not in places:
            frame[name] = ""
    return frame


def parse_times(texts: pd.Series) -> pd.Series:
    """Times as datetime64[s]; NaT if empty or unreadable. A date without time is its midnight."""
    texts = texts.str.strip()
    times = pd.to_datetime(texts, format="%Y-%m-%d %H:%M:%S", errors="coerce")
    times = times.astype("datetime64[s]")
    others = times.isna() & (texts != "")
    times[others] = np.array([parse_time(text) for text in texts[others]], "datetime64[s]")
    return times


def parse_time(text: str) -> datetime.datetime | None:
    """Returns a time as MIMIC's files and exports of its databases write it.

    Args:
        text: "2101-01-01 10:30:00", with T, without seconds, with fractions of a second, which do
            not count, or with UTC behind it, as BigQuery writes; or a date alone: its midnight.

    Returns:
        The time, or None if it is unreadable.
    """
    match = _TIME.fullmatch(text.strip())
    try:
        return match and datetime.datetime.fromisoformat(match[1])
    except ValueError:
        return None


def normal_id(text: str) -> str:
    """An id as typed, without spaces and the `.0` of a column with gaps; "" if there is none."""
    return known_id(text) or ""


def _ages(frame: pd.DataFrame, path: str) -> np.ndarray:
    """Years at admission: MIMIC-III's DOB, or MIMIC-IV's anchor_age in anchor_year."""
    patients = read_table(path, ("SUBJECT_ID",), ("DOB", "ANCHOR_AGE", "ANCHOR_YEAR"))
    patients.index = patients.pop("SUBJECT_ID").map(normal_id)
    patients = patients[~patients.index.duplicated()].reindex(frame["SUBJECT_ID"]).fillna("")
    admitted = frame["ADMITTIME_PARSED"]
    born = parse_times(patients["DOB"].astype(object).reset_index(drop=True))
    by_birth = (admitted - born).dt.total_seconds() / (_SECONDS_PER_DAY * 365.2425)
    anchor = [
        pd.to_numeric(patients[name], errors="coerce").to_numpy()
        for name in ("ANCHOR_AGE", "ANCHOR_YEAR")
    ]
    by_anchor = anchor[0] + admitted.dt.year.to_numpy() - anchor[1]
    return np.where(np.isnan(by_birth), by_anchor, by_birth)

"""Which notes may be read, case by case."""

import numpy as np
import pandas as pd
import pytest

from clinicalbert_tf.datasets.readmission.labels import Cohort
from clinicalbert_tf.datasets.readmission.selection import (
    NoteColumns,
    Selector,
    normal_category,
)
from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings
from clinicalbert_tf.datasets.table_files import TableError

HEADER = ["SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "STORETIME", "CATEGORY", "ISERROR",
          "TEXT"]  # fmt: skip
DISCHARGE, EARLY_2, EARLY_3 = 1, 2, 4


@pytest.fixture
def selector_of():
    def make(**changes):
        # Admitted on the 2nd at 14:00, discharged on the 6th at 10:00, back on the 10th at 9:00.
        times = ("2101-01-02T14:00", "2101-01-06T10:00", "2101-01-10T09:00")
        names = ("START", "END", "NEXT_START")
        table = pd.DataFrame(
            {"SUBJECT_ID": ["1", "1"], "HADM_ID": ["7", "8"], "KEPT": [True, False]}
            | {n: np.array([t, t], "datetime64[s]") for n, t in zip(names, times, strict=True)}
        )
        settings = ReadmissionSettings("a", ("n",), "out", **changes)
        return Selector(Cohort(table, {"7": 0}, {}), settings)

    return make


def note(date, time="", category="Nursing", stored="", subject="1", hadm="7", error="", text="x"):
    time = f"{date} {time}:00" if time else ""
    return [subject, hadm, date, time, stored, category, error, text]


def chosen(selector, fields):
    choice = selector.choose(fields, NoteColumns("n.csv", HEADER))
    (fate,) = selector.counts
    return choice and choice.sets, fate


@pytest.mark.parametrize(
    ("date", "time", "sets"),
    [
        ("2101-01-02", "13:59", None),
        ("2101-01-02", "14:00", EARLY_2 | EARLY_3),
        # A date without time: the day of admission may be read, ...
        ("2101-01-02", "", EARLY_2 | EARLY_3),
        ("2101-01-01", "", None),
        ("2101-01-04", "13:59", EARLY_2 | EARLY_3),
        ("2101-01-04", "14:00", EARLY_3),
        # ... and that of the prediction not, because the note may be of its evening.
        ("2101-01-03", "", EARLY_2 | EARLY_3),
        ("2101-01-04", "", EARLY_3),
        ("2101-01-05", "13:59", EARLY_3),
        ("2101-01-05", "14:00", None),
        ("2101-01-05", "", None),
    ],
)
def test_early_window_begins_at_admission_and_ends_at_the_prediction(selector_of, date, time, sets):
    found, fate = chosen(selector_of(), note(date, time))
    assert found == sets
    if sets is None:
        before = date < "2101-01-03"
        assert fate == ("before_admission" if before else "after_prediction_time")


def test_note_counts_from_when_it_was_stored(selector_of):
    found, _ = chosen(selector_of(), note("2101-01-03", "09:00", stored="2101-01-04 15:00:00"))
    assert found == EARLY_3
    found, fate = chosen(selector_of(), note("2101-01-03", "09:00", stored="2101-01-09 15:00:00"))
    assert (found, fate) == (None, "after_prediction_time")


@pytest.mark.parametrize(
    "category", ["Discharge summary", "Discharge summary ", "DISCHARGE  SUMMARY"]
)
def test_summary_is_never_early_whatever_its_date_and_spaces(selector_of, category):
    found, _ = chosen(selector_of(), note("2101-01-03", "09:00", category=category))
    assert found == DISCHARGE


@pytest.mark.parametrize(
    ("date", "fate"),
    [
        ("2101-01-01", "summary_before_admission"),
        ("2101-01-02", "summary_used"),
        ("2101-01-06", "summary_used"),
        ("2101-01-09", "summary_after_discharge_used"),
        ("2101-01-10", "summary_after_next_admission"),
        ("2101-01-14", "summary_too_long_after_discharge"),
        ("", "without_readable_date"),
        ("2101-13-14", "without_readable_date"),
    ],
)
def test_summary_lies_between_admission_and_the_next_one(selector_of, date, fate):
    found, what = chosen(selector_of(), note(date, category="Discharge summary"))
    assert what == fate
    assert found == (DISCHARGE if fate.endswith("used") else None)


def test_no_days_after_discharge_on_request(selector_of):
    fields = note("2101-01-07", category="Discharge summary")
    assert chosen(selector_of(summary_days=0), fields)[1] == "summary_too_long_after_discharge"


@pytest.mark.parametrize(
    ("changes", "fate"),
    [
        ({"hadm": ""}, "without_admission_id"),
        ({"hadm": "99"}, "of_unknown_admission"),
        ({"hadm": "8"}, "of_admission_left_out"),
        ({"subject": "2"}, "of_another_patient_than_the_admission"),
        ({"error": "1"}, "marked_as_error"),
        ({"error": "t"}, "marked_as_error"),
        ({"error": "WAHR"}, "marked_as_error"),
        ({"error": "perhaps"}, "with_unreadable_iserror"),
        ({"error": "f"}, "early_used"),
        ({"hadm": "NULL"}, "without_admission_id"),
        ({"text": " \n"}, "empty"),
        ({"text": "NA", "hadm": "7.0"}, "early_used"),
    ],
)
def test_fate_of_a_note_is_counted(selector_of, changes, fate):
    assert chosen(selector_of(), note("2101-01-03", "09:00", **changes))[1] == fate


def test_early_categories_can_be_chosen(selector_of):
    make = lambda: selector_of(early_categories=("radiology",))
    assert chosen(make(), note("2101-01-03", category="Nursing"))[1] == "other_category"
    assert chosen(make(), note("2101-01-03", category="Radiology "))[1] == "early_used"


def test_all_stays_are_read_up_to_discharge(selector_of):
    selector = selector_of(early_stays="all")
    selector._times[0][1] = selector._times[0][0] + 3600  # discharged after an hour
    assert chosen(selector, note("2101-01-02", "15:30"))[1] == "after_discharge"


def test_mimic_iv_columns_and_types_are_known():
    header = ["NOTE_ID", "SUBJECT_ID", "HADM_ID", "NOTE_TYPE", "NOTE_SEQ", "CHARTTIME", "STORETIME",
              "TEXT"]  # fmt: skip
    columns = NoteColumns("discharge.csv", header)
    assert columns.is_mimic_iv
    assert (columns.date, columns.error) == (None, None)
    assert list(map(normal_category, ("DS", "AD", "RR", "Physician "))) == [
        "discharge summary", "discharge summary", "radiology", "physician"]  # fmt: skip


def test_table_without_text_is_refused():
    with pytest.raises(TableError, match="without TEXT"):
        NoteColumns("n.csv", HEADER[:-1])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

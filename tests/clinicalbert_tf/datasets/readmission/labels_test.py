"""Corrected labels, against cases counted by hand."""

import numpy as np
import pytest

from clinicalbert_tf.datasets.readmission import labels, tables
from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings

HEADER = (
    "SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,DEATHTIME,ADMISSION_TYPE,ADMISSION_LOCATION,"
    "HOSPITAL_EXPIRE_FLAG"
)


def day(number, hour=0):
    """2101-01-01 is day 1."""
    return str(
        np.datetime64("2100-12-31T00:00:00") + np.timedelta64(number * 24 + hour, "h")
    ).replace("T", " ")


def row(hadm_id, start, end, kind="EMERGENCY", subject="1", death="", where="CLINIC", dead="0"):
    times = [value if isinstance(value, str) else day(value) for value in (start, end)]
    return f"{subject},{hadm_id},{times[0]},{times[1]},{death},{kind},{where},{dead}"


@pytest.fixture
def cohort_of(tmp_path):
    def make(*rows, patients=None, header=HEADER, **changes):
        path = tmp_path / "ADMISSIONS.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        if patients:
            (tmp_path / "PATIENTS.csv").write_text(patients)
            changes["patients"] = str(tmp_path / "PATIENTS.csv")
        settings = ReadmissionSettings(str(path), ("n.csv",), str(tmp_path), **changes)
        return labels.label_admissions(tables.read_admissions(settings), settings)

    return make


def column(cohort, name):
    return dict(zip(cohort.table["HADM_ID"], cohort.table[name], strict=True))


def test_window_is_closed_at_0_and_open_at_30_days(cohort_of):
    cohort = cohort_of(
        row("a", 1, 5),
        row("b", 5, 6),
        row("c", 36, 40),
        row("d", day(69, 23), 71),
        row("e", 800, 801),
    )
    assert column(cohort, "LABEL") == {"a": 1, "b": 0, "c": 1, "d": 0, "e": 0}
    days = column(cohort, "DAYS")
    assert (days["a"], days["b"], days["c"]) == (0, 30, pytest.approx(30 - 1 / 24))
    assert np.isnan(days["e"])


def test_window_days_can_be_chosen(cohort_of):
    rows = row("a", 1, 5), row("b", 12, 13)
    assert column(cohort_of(*rows, window_days=7), "LABEL")["a"] == 0
    assert column(cohort_of(*rows, window_days=7.1), "LABEL")["a"] == 1


@pytest.mark.parametrize("planned", ["ELECTIVE", "elective ", "SURGICAL SAME DAY ADMISSION"])
def test_planned_return_is_skipped_to_the_next_unplanned_one(cohort_of, planned):
    cohort = cohort_of(row("a", 1, 5), row("b", 10, 11, planned), row("c", 20, 21, "EW EMER."))
    assert column(cohort, "DAYS")["a"] == 15
    assert column(cohort, "LABEL") == {"a": 1, "b": 1, "c": 0}
    late = cohort_of(row("a", 1, 5), row("b", 10, 11, planned), row("c", 60, 61))
    assert column(late, "LABEL")["a"] == 0


def test_newborns_and_deaths_are_left_out_and_still_count_as_returns(cohort_of):
    cohort = cohort_of(
        row("a", 1, 5),
        row("b", 10, 12, death=day(12)),
        row("c", 1, 3, "NEWBORN", subject="2"),
        row("d", 9, 10, subject="2"),
        row("e", 1, 3, subject="3"),
        row("f", 5, 6, dead="1", subject="3"),
        row("g", 1, 2, death="2130-13-45 00:00:00", subject="4"),
    )
    assert column(cohort, "REASON") == {
        "a": "",
        "b": "died_in_hospital",
        "c": "newborn",
        "d": "",
        "e": "",
        "f": "died_in_hospital",
        "g": "died_in_hospital",
    }
    assert [column(cohort, "LABEL")[i] for i in "ae"] == [1, 1]
    assert cohort.counts["unreadable_times"]["DEATHTIME"] == {"missing": 5, "unreadable": 1}
    assert cohort.counts["left_out"] == {"died_in_hospital": 3, "newborn": 1}


def test_order_of_the_file_does_not_matter(cohort_of):
    rows = [row("a", 1, 5), row("b", 10, 12), row("c", 60, 61), row("d", 8, 9, subject="2")]
    forwards, backwards = cohort_of(*rows), cohort_of(*rows[::-1])
    assert column(forwards, "LABEL") == column(backwards, "LABEL")
    assert backwards.table["HADM_ID"].tolist() == ["d", "c", "b", "a"]


def test_overlapping_admission_is_counted_merged_or_dropped(cohort_of):
    rows = row("a", 1, 10), row("b", 8, 15), row("c", 20, 21)
    counted = cohort_of(*rows)
    # The admission that began before discharge is no return; the next one is.
    assert (column(counted, "DAYS")["a"], column(counted, "LABEL")["a"]) == (10, 1)
    merged = cohort_of(*rows, overlaps="merge")
    assert column(merged, "REASON") == {"a": "merged_into_next", "b": "", "c": ""}
    assert column(merged, "DAYS")["b"] == 5
    assert merged.stays == {"a": 1, "b": 1, "c": 2}
    assert str(merged.table["START"][1])[:10] == "2101-01-01"
    dropped = cohort_of(*rows, overlaps="drop")
    assert column(dropped, "REASON") == {"a": "overlapping", "b": "", "c": ""}
    for cohort, done in ((counted, "count"), (merged, "merge"), (dropped, "drop")):
        assert cohort.counts["options"]["overlaps"] == {"found": 1, "done": done}


def test_transfer_is_counted_merged_or_dropped(cohort_of):
    arrived = "TRANSFER FROM HOSP/EXTRAM"
    rows = row("a", 1, 10), row("b", 10, 15, where=arrived), row("c", 200, 201, where=arrived)
    assert column(cohort_of(*rows), "LABEL") == {"a": 1, "b": 0, "c": 0}
    merged = cohort_of(*rows, transfers="merge")
    assert column(merged, "REASON") == {"a": "merged_into_next", "b": "", "c": ""}
    dropped = cohort_of(*rows, transfers="drop")
    assert column(dropped, "REASON") == {"a": "transferred", "b": "", "c": ""}
    assert dropped.counts["options"]["transfers"]["found"] == 1
    assert cohort_of(*rows, transfers="drop", transfer_hours=0).counts["kept"] == 2


def test_death_in_a_merged_stay_leaves_it_out(cohort_of):
    rows = row("a", 1, 10), row("b", 8, 15, death=day(15))
    merged = cohort_of(*rows, overlaps="merge")
    assert column(merged, "REASON") == {"a": "merged_into_next", "b": "died_in_hospital"}
    assert merged.stays == {}


def test_unknown_follow_up_is_dropped_or_labelled_0(cohort_of):
    rows = (
        row("a", 1, "unknown"),
        row("b", 1, 2, subject="2"),
        row("c", "", 9, subject="2"),
        row("d", 1, 2, subject="3"),
        row("e", 5, 6, subject="3"),
        row("f", "?", 9, subject="3"),
    )
    cohort = cohort_of(*rows)
    assert column(cohort, "REASON") == {
        "a": "unknown_follow_up",
        "b": "unknown_follow_up",
        "c": "unreadable_admittime",
        # It came back for sure, whatever the lost admission was.
        "d": "",
        "e": "unknown_follow_up",
        "f": "unreadable_admittime",
    }
    assert column(cohort, "LABEL")["b"] == -1
    assert cohort.counts["options"]["unknown_follow_up"] == {"found": 3, "done": "drop"}
    kept = cohort_of(*rows, unknown_follow_up="keep")
    assert [column(kept, "LABEL")[i] for i in "abde"] == [0, 0, 1, 0]
    assert kept.counts["kept"] == 4
    assert kept.counts["unreadable_times"]["ADMITTIME"] == {"missing": 1, "unreadable": 1}


def test_reversed_times_are_dropped_or_kept(cohort_of):
    rows = row("a", 9, 5), row("b", 12, 13)
    cohort = cohort_of(*rows)
    assert column(cohort, "REASON") == {"a": "discharge_before_admission", "b": ""}
    assert cohort.counts["options"]["discharge_before_admission"] == {"found": 1, "done": "drop"}
    assert cohort_of(*rows, discharge_before_admission="keep").counts["kept"] == 2


def test_repeated_hadm_id_keeps_the_first_row_or_none(cohort_of):
    rows = row("a", 1, 5), row("a", 1, 5), row("b", 1, 5, subject="2"), row("b", 3, 5, subject="2")
    cohort = cohort_of(*rows)
    assert cohort.table["KEPT"].tolist() == [True, False, True, False]
    found = cohort.counts["options"]["duplicate_admissions"]
    assert found == {"found": 2, "that_differ": 1, "done": "first"}
    assert cohort_of(*rows, duplicate_admissions="drop").counts["kept"] == 0


def test_elective_index_admissions_can_be_left_out(cohort_of):
    rows = row("a", 1, 5, "ELECTIVE"), row("b", 10, 12)
    assert column(cohort_of(*rows), "LABEL") == {"a": 1, "b": 0}
    dropped = cohort_of(*rows, elective_index="drop")
    assert column(dropped, "REASON") == {"a": "elective_index", "b": ""}
    assert dropped.counts["options"]["elective_index"] == {"found": 1, "done": "drop"}


@pytest.mark.parametrize(
    "patients",
    [
        "SUBJECT_ID,DOB\n1,2083-06-01 00:00:00\n2,2082-06-01 00:00:00\n",
        "subject_id,anchor_age,anchor_year\n1,17,2101\n2,20,2103\n",
    ],
)
def test_minimum_age_leaves_out_younger_and_unknown(cohort_of, patients):
    rows = row("a", 1, 5), row("b", 1, 5, subject="2"), row("c", 1, 5, subject="3")
    cohort = cohort_of(*rows, patients=patients, min_age=18)
    assert column(cohort, "REASON") == {"a": "under_min_age", "b": "", "c": "unknown_age"}
    assert cohort.counts["options"]["min_age"] == {"years": 18, "under": 1, "unknown": 1}


def test_minimum_age_without_patients_is_refused(cohort_of):
    with pytest.raises(ValueError, match="Give --patients"):
        cohort_of(row("a", 1, 5), min_age=18)


def test_times_as_other_exports_write_them_are_read_and_others_counted(cohort_of):
    cohort = cohort_of(
        row("a", "2101-01-01 10:30", "2101-01-05T12:00:00"),
        row("b", "2101-01-20 12:00:00 UTC", "2101-01-25 12:00:00.000"),
        row("c", "2101-02-24", "2101-02-25T10:30:00Z"),
        row("d", "01/02/2101 10:00", "01/05/2101 10:00", subject="2"),
        row("e", "2101-02-30 10:00:00", "2101-03-05 24:00:00", subject="3"),
    )
    assert column(cohort, "DAYS")["a"] == 15.0
    assert column(cohort, "LABEL") == {"a": 1, "b": 1, "c": 0, "d": -1, "e": -1}
    assert cohort.counts["left_out"] == {"unreadable_admittime": 2}


def test_a_table_without_rows_is_refused(cohort_of):
    with pytest.raises(ValueError, match="at least one admission"):
        cohort_of()


def test_missing_column_is_named_and_no_cell_is_shown(cohort_of):
    with pytest.raises(tables.TableError, match="DISCHTIME") as caught:
        cohort_of("1,2,secret", header="SUBJECT_ID,HADM_ID,ADMITTIME")
    assert "secret" not in str(caught.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Mortality: every leak is planted, and seen left out and counted."""

import gzip

import pytest

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings

ADMISSIONS = "SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,DEATHTIME,ADMISSION_TYPE,HOSPITAL_EXPIRE_FLAG"
NOTES = "ROW_ID,SUBJECT_ID,HADM_ID,CHARTDATE,CHARTTIME,STORETIME,CATEGORY,DESCRIPTION,ISERROR,TEXT"


def admissions(count=20):
    """Two patients in five die; each admission lasts ten days and begins at noon."""
    rows = []
    for n in range(count):
        died = int(n % 5 < 2)
        end = "2150-03-11 12:00:00"
        rows.append(f"{n // 2},{100 + n},2150-03-01 12:00:00,{end},{end * died},EMERGENCY,{died}")
    return [ADMISSIONS, *rows]


def note(hadm_id, text, chart="2150-03-01 14:00:00", store="2150-03-01 15:00:00", date="2150-03-01",
         category="Nursing", description="Report", error="", subject=None):  # fmt: skip
    subject = (int(hadm_id) - 100) // 2 if subject is None else subject
    return f'1,{subject},{hadm_id},{date},{chart},{store},{category},{description},{error},"{text}"'


def read(tmp_path, notes, rows=None, **settings):
    (tmp_path / "ADMISSIONS.csv").write_text("\n".join(rows or admissions()) + "\n")
    with gzip.open(tmp_path / "NOTEEVENTS.csv.gz", "wt") as file:
        file.write("\n".join([NOTES, *notes]) + "\n")
    return read_dataset(find_dataset("mortality"), DataSettings(data_dir=str(tmp_path), **settings))


def everywhere(count=20):
    return [note(100 + n, f"kept {100 + n}") for n in range(count)]


def texts(data):
    return {e.id: e.text_a for split in data.splits.values() for e in split.examples}


def test_labels_splits_by_patient_and_counts(tmp_path):
    data = read(tmp_path, everywhere())
    examples = {e.id: e for split in data.splits.values() for e in split.examples}
    assert {i: e.label for i, e in examples.items()} == {
        str(100 + n): str(int(n % 5 < 2)) for n in range(20)
    }
    patients = [{e.group for e in split.examples} for split in data.splits.values()]
    assert len(patients) == 3
    for first in range(3):
        for second in range(first):
            assert not patients[first] & patients[second]
    assert [c.rows for c in data.splits["train"].counts] == [20, 20]


LEAKS = {
    "summary": (dict(category="Discharge summary"), "discharge summaries"),
    "summary with blanks": (dict(category="Discharge summary "), "discharge summaries"),
    "summary by description": (
        dict(category="Case Management", description="Discharge Summary Addendum"),
        "discharge summaries",
    ),
    "after the window": (dict(chart="2150-03-03 12:00:01"), "notes outside the window"),
    "stored after the window": (
        dict(chart="2150-03-03 11:00:00", store="2150-03-03 13:00:00"),
        "notes outside the window",
    ),
    "before the admission": (
        dict(chart="2150-03-01 11:59:59", store="2150-03-01 12:30:00"),
        "notes outside the window",
    ),
    "a day that ends after the window": (
        dict(chart="", store="", date="2150-03-03"),
        "notes outside the window",
    ),
    "no time at all": (dict(chart="", store="", date=""), "notes outside the window"),
    "an error": (dict(error="1"), "notes marked as errors"),
    "an error as PostgreSQL says it": (dict(error="t"), "notes marked as errors"),
    "an error as Excel says it": (dict(error="VRAI"), "notes marked as errors"),
    "no word for an error": (dict(error="perhaps"), "notes with unreadable ISERROR"),
    "another patient's": (dict(subject=0), "notes of another patient than their admission's"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_leak_is_left_out_and_counted(tmp_path, name):
    fields, counted = LEAKS[name]
    data = read(tmp_path, [*everywhere(), note(103, "LEAK", **fields)])
    assert texts(data)["103"] == "kept 103"
    assert f"1 {counted} left out" in data.splits["train"].notices


def test_numbers_of_pandas_and_downloads_by_wget(tmp_path):
    hosp = tmp_path / "files" / "mimiciv" / "3.1" / "hosp"
    notes = tmp_path / "files" / "mimic-iv-note" / "2.2" / "note"
    hosp.mkdir(parents=True)
    notes.mkdir(parents=True)
    rows = [f"{row}.0" if n else row for n, row in enumerate(admissions())]
    (hosp / "admissions.csv").write_text("\n".join(rows) + "\n")
    table = "\n".join([NOTES, *everywhere()]) + "\n"
    (notes / "noteevents.csv.gz").write_bytes(gzip.compress(table.encode()))
    data = read_dataset(find_dataset("mortality"), DataSettings(data_dir=str(tmp_path)))
    assert texts(data) == {str(100 + n): f"kept {100 + n}" for n in range(20)}


def test_notes_of_the_window_in_the_order_of_writing(tmp_path):
    notes = [
        note(103, "later", "2150-03-03 11:00:00", "2150-03-03 12:00:00"),
        note(103, "that day", "", "", "2150-03-02"),
        note(103, "first", "2150-03-01 12:00:00", ""),
    ]
    data = read(tmp_path, [*everywhere(), *notes])
    assert texts(data)["103"] == "first\nkept 103\nthat day\nlater"
    short = read(tmp_path, [*everywhere(), *notes], hours=24)
    assert texts(short)["103"] == "first\nkept 103"


def test_newborns_short_stays_and_admissions_without_notes(tmp_path):
    rows = admissions()
    rows[1] = rows[1].replace("EMERGENCY", "NEWBORN")
    rows[2] = "0,101,2150-03-01 12:00:00,2150-03-03 12:00:00,,EMERGENCY,0"
    rows[3] = "1,102,2150-03-01 12:00:00,2150-03-11 12:00:00,2150-03-02 12:00:00,EMERGENCY,1"
    data = read(tmp_path, everywhere()[:-1], rows)
    assert not {"100", "101", "102", "119"} & set(texts(data))
    assert set(data.splits["train"].notices) == {
        "1 admissions of newborns left out",
        "2 admissions that end within the window left out",
        "1 admissions without a note in the window left out",
        "3 notes of other or no admissions left out",
    }


def test_mimic_iv_columns(tmp_path):
    rows = [line.lower() if n == 0 else line for n, line in enumerate(admissions())]
    (tmp_path / "admissions.csv").write_text("\n".join(rows) + "\n")
    header = "note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text"
    notes = [
        f"{n}-RR-1,{n // 2},{100 + n},RR,1,2150-03-01 14:00:00,2150-03-01 15:00:00,kept {n}"
        for n in range(20)
    ]
    leak = "3-DS-2,1,103,DS,2,2150-03-01 14:00:00,2150-03-01 15:00:00,LEAK"
    (tmp_path / "radiology.csv").write_text("\n".join([header, *notes, leak]) + "\n")
    (tmp_path / "discharge.csv").write_text(header + "\n" + leak + "\n")
    data = read_dataset(find_dataset("mortality"), DataSettings(data_dir=str(tmp_path)))
    assert texts(data)["103"] == "kept 3"
    assert "1 discharge summaries left out" in data.splits["train"].notices


def test_outcome_that_is_none_names_the_line(tmp_path):
    row = "0,100,2150-03-01 12:00:00,2150-03-11 12:00:00,,EMERGENCY,"
    with pytest.raises(ValueError, match="HOSPITAL_EXPIRE_FLAG") as caught:
        read(tmp_path, everywhere(), [*admissions(), row])
    assert "line 22" in str(caught.value)


def test_unreadable_times_and_repeated_admissions_are_counted(tmp_path):
    rows = [
        "0,300,yesterday,2150-03-11 12:00:00,,EMERGENCY,0",
        "0,301,2150-03-01 12:00:00,2150-03-11 12:00:00,soon,EMERGENCY,1",
        admissions()[1],
    ]
    notes = [note(103, "when?", "some day", ""), note(104, "when?", "", "", "")]
    data = read(tmp_path, [*everywhere(), *notes], [*admissions(), *rows])
    assert not {"300", "301"} & set(texts(data))
    assert texts(data)["103"] == "kept 103" and texts(data)["104"] == "kept 104"
    assert set(data.splits["train"].notices) == {
        "2 admissions with an unreadable time left out",
        "1 further rows of an admission left out",
        "2 notes outside the window left out",
    }


def test_missing_columns_and_no_notes(tmp_path):
    with pytest.raises(ValueError, match="missing: admittime"):
        read(tmp_path, everywhere(), ["SUBJECT_ID,HADM_ID", "1,2"])
    with pytest.raises(ValueError, match="received none"):
        read(tmp_path, [note(900, "x")])
    with pytest.raises(ValueError, match="--hours"):
        read(tmp_path, everywhere(), hours=0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

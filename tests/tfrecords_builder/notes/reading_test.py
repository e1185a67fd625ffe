"""Which notes are handed on, and that each one is accounted for."""

import pytest

from tfrecords_builder import synthetic
from tfrecords_builder.notes import reading
from tfrecords_builder.schema import Note

HEADER = "ROW_ID,SUBJECT_ID,HADM_ID,CHARTDATE,CATEGORY,ISERROR,TEXT\n"
ROWS = (
    '1,10,100,2101-01-01,Discharge summary,,"First ""quoted"", line.\nSecond line."\n'
    "2,10,100,2101-01-01,Physician ,,NA\n"
    "3,11,,2101-01-01,Physician ,1,marked\n"
    "4,12,101,2101-01-01,Radiology,0,null\n"
    '5,12,102,2101-01-01,Radiology,," \n "\n'
    "6,13,103,2101-01-01,ECG,,\n"
    "7,13,103,2101-01-01,ECG,,Pâleur – 38 °C\n"
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8")
    return str(path)


def ids(*arguments, **options):
    return [note.note_id for note in reading.read_notes(*arguments, **options)]


def test_notes_come_in_order_with_their_category_stripped(table):
    assert list(reading.read_notes(table)) == [
        Note("1", "Discharge summary", 'First "quoted", line.\nSecond line.', "10", "100"),
        Note("2", "Physician", "NA", "10", "100"),
        Note("4", "Radiology", "null", "12", "101"),
        Note("7", "ECG", "Pâleur – 38 °C", "13", "103"),
    ]


def test_every_note_is_counted(table):
    counts = reading.NoteCounts()
    used = list(reading.read_notes(table, counts=counts))
    assert counts == reading.NoteCounts(
        read=7,
        used=4,
        empty=2,
        filtered={"marked_as_error": 1},
    )
    assert len(used) == 4


def test_category_filter_ignores_case_and_blanks(table):
    counts = reading.NoteCounts()
    assert ids(table, categories=["physician ", "ECG"], counts=counts) == ["2", "7"]
    assert counts.filtered == {"marked_as_error": 1, "other_category": 3}
    assert (counts.read, counts.used, counts.empty) == (7, 2, 1)


def test_subjects_and_admissions_are_left_out(table):
    counts = reading.NoteCounts()
    left = ids(table, exclude_subjects={"10"}, exclude_admissions={"103.0"}, counts=counts)
    assert left == ["4"]
    assert counts.filtered == {
        "marked_as_error": 1,
        "excluded_subject": 2,
        "excluded_admission": 2,
    }
    assert counts.empty == 1


def test_counts_of_several_sources_add_up(table):
    total = reading.NoteCounts()
    for _ in range(2):
        counts = reading.NoteCounts()
        ids(table, counts=counts)
        total.add(counts)
    assert (total.read, total.used, total.empty) == (14, 8, 4)
    assert total.filtered == {"marked_as_error": 2}


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_synthetic_files_are_read_and_accounted_for(tmp_path, name):
    path = str(tmp_path / name)
    synthetic.write_noteevents(path, 500, seed=7)
    rows = [
        row
        for row in synthetic.generate_notes(500, seed=7)
        if row["TEXT"] and row["ISERROR"] != "1"
    ]
    counts = reading.NoteCounts()
    found = list(reading.read_notes(path, counts=counts))
    assert [note.text for note in found] == [row["TEXT"] for row in rows]
    assert [note.hadm_id for note in found] == [row["HADM_ID"] or None for row in rows]
    assert (counts.read, counts.empty, counts.filtered) == (500, 2, {"marked_as_error": 5})


def test_streaming_stops_at_the_first_note_asked_for(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    path.write_text(HEADER + ROWS + "8,short\n", encoding="utf-8")
    assert next(reading.read_notes(str(path))).note_id == "1"


@pytest.mark.parametrize(
    "content",
    [
        "7\n8\n",
        "subject_id\n7\r\n\n 8 ",
        "HADM_ID\n7.0\n8,\n",
        '"7"\n"8"',
        "\ufeff7\n8",
        "'hadm_id'\n'7',\n'8'\n",
    ],
)
def test_ids_are_read_one_a_line(tmp_path, content):
    path = tmp_path / "ids.txt"
    path.write_text(content, encoding="utf-8")
    assert reading.read_ids(str(path)) == {"7", "8"}


def test_lists_of_ids_with_more_columns_or_nothing_are_refused(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("7\n8,100\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"ids\.csv, line 2: expected one id a line"):
        reading.read_ids(str(path))
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(ValueError, match="received none"):
        reading.read_ids(str(path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_lists_of_ids_that_are_not_utf8_are_named(tmp_path, encoding):
    path = tmp_path / "ids.txt"
    path.write_text("7\n8\n", encoding=encoding)
    with pytest.raises(ValueError, match=r"ids\.txt: expected .* Convert it to UTF-8") as raised:
        reading.read_ids(str(path))
    assert raised.type is ValueError


def test_a_list_that_meets_no_note_is_counted_and_said(table, caplog):
    counts = reading.NoteCounts()
    lists = {"exclude_subjects": {"100", "101"}, "exclude_admissions": {"101", "998", "999"}}
    assert ids(table, **lists, counts=counts) == ["1", "2", "7"]
    assert counts.filtered == {
        "marked_as_error": 1,
        "excluded_subject": 0,
        "excluded_admission": 1,
    }
    total = reading.NoteCounts()
    total.add(counts)
    total.add(counts)
    total.warn()
    assert [record.getMessage() for record in caplog.records] == [
        "None of the 2 ids of --exclude_subjects met a note: check that the list holds subject_id "
        "values.",
        "2 of the 3 ids of --exclude_admissions met no note. Check that the list holds hadm_id "
        "values, if the notes should be of all of them.",
    ]
    assert "998" not in repr(total) + repr(total.lists) + caplog.text


def test_a_list_that_meets_notes_of_one_source_or_another_is_not_warned_of(table, tmp_path, caplog):
    other = tmp_path / "other.csv"
    other.write_text("note_id,subject_id,text\n1,99,a\n")
    # Also a note left out for another reason shows that the id is right.
    lists = {"exclude_subjects": {"99", "11"}}
    both = reading.NoteCounts()
    for path in (table, str(other)):
        counts = reading.NoteCounts()
        ids(path, **lists, counts=counts)
        both.add(counts)
    assert both.filtered == {"marked_as_error": 1, "excluded_subject": 1}
    both.warn()
    assert not caplog.records
    without = reading.NoteCounts()
    ids(table, counts=without)
    assert "excluded_subject" not in without.filtered


def test_notes_of_unknown_subjects_are_left_out_and_of_no_admission_kept(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    rows = "1,,,,ECG,,a\n2,10,,,ECG,,b\n3,11,100,,ECG,,c\n4,11,101,,ECG,,d\n"
    path.write_text(HEADER + rows, encoding="utf-8")
    counts = reading.NoteCounts()
    left = ids(str(path), exclude_subjects={"10"}, exclude_admissions={"100"}, counts=counts)
    assert left == ["4"]
    assert counts.filtered == {
        "unknown_subject": 1,
        "excluded_subject": 1,
        "excluded_admission": 1,
    }
    assert ids(str(path), exclude_admissions={"100"}) == ["1", "2", "4"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

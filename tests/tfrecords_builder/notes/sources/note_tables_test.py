"""Damaged tables are named by file and row; no error shows a piece of a note."""

import gzip
import traceback

import pytest

from tfrecords_builder import synthetic
from tfrecords_builder.notes import reading
from tfrecords_builder.notes.sources import note_rows, note_tables

HEADER = b"ROW_ID,SUBJECT_ID,HADM_ID,CATEGORY,ISERROR,TEXT\n"
GOOD = b'1,10,100,ECG,,"secret one\ntwo"\n'


def write(tmp_path, content, name="NOTEEVENTS.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


def failure(path):
    with pytest.raises(note_rows.NoteSourceError) as raised:
        list(note_tables.read_table(path))
    shown = "".join(traceback.format_exception(raised.value))
    assert "secret" not in shown
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    message = str(raised.value)
    assert path in message
    return message


@pytest.mark.parametrize("header", [HEADER, HEADER.lower(), b"\xef\xbb\xbf" + HEADER])
def test_headers_in_any_case_and_with_a_byte_order_mark(tmp_path, header):
    path = write(tmp_path, header + GOOD + b"2,,,Echo ,1,x\n\n")
    first, second = note_tables.read_table(path)
    assert first[0].text == "secret one\ntwo"
    assert first[1] is False
    assert (second[0].note_id, second[0].category, second[0].subject_id) == ("2", "Echo", None)
    assert second[1] is True


def test_columns_in_any_order_and_more_than_needed(tmp_path):
    path = write(
        tmp_path, b"TEXT,ISERROR,EXTRA,CATEGORY,HADM_ID,SUBJECT_ID,ROW_ID\nt,,e,ECG,5,4,3\n"
    )
    ((note, is_error, _),) = note_tables.read_table(path)
    assert (note.note_id, note.subject_id, note.hadm_id, note.text) == ("3", "4", "5", "t")
    assert not is_error


def test_gzip_is_told_by_its_bytes_not_its_name(tmp_path):
    path = write(tmp_path, gzip.compress(HEADER + GOOD), "renamed.csv")
    assert [note.note_id for note, *_ in note_tables.read_table(path)] == ["1"]


@pytest.mark.parametrize(
    "column", ["ROW_ID", "SUBJECT_ID", "HADM_ID", "CATEGORY", "ISERROR", "TEXT"]
)
def test_missing_column_is_named(tmp_path, column):
    message = failure(write(tmp_path, HEADER.replace(column.encode(), b"OTHER") + GOOD))
    assert f"missing: {column}" in message
    assert "header" in message


def test_file_without_header_or_without_anything(tmp_path):
    assert "none of them" in failure(write(tmp_path, GOOD))
    assert "received a file that is empty" in failure(write(tmp_path, b""))


@pytest.mark.parametrize("header", [b"row_id,text\n", b"note_id:text\n"])
def test_the_two_columns_that_are_enough_are_named(tmp_path, header):
    assert "ISERROR, TEXT (or NOTE_ID and TEXT), received" in failure(write(tmp_path, header))
    assert "(or " not in failure(write(tmp_path, b"note_id,note_type,text\n"))


def test_row_with_too_few_fields(tmp_path):
    message = failure(write(tmp_path, HEADER + GOOD + b"2,10,100,secret\n" + GOOD))
    assert "row 2 (ends at line 4): expected 6 fields, received 4" in message


def test_row_with_too_many_fields(tmp_path):
    message = failure(write(tmp_path, HEADER + GOOD + b"2,10,100,ECG,,a,secret\n"))
    assert "row 2 (ends at line 4): expected 6 fields, received 7" in message


def test_quote_that_is_not_closed(tmp_path):
    message = failure(write(tmp_path, HEADER + GOOD + b'2,10,100,ECG,,"secret\n' + GOOD[:-2]))
    assert "row 2: expected well-formed CSV" in message


def test_text_behind_a_closing_quote(tmp_path):
    message = failure(write(tmp_path, HEADER + b'1,10,100,ECG,,"secret" x\n'))
    assert "row 1: expected well-formed CSV" in message


def test_bytes_that_are_not_utf8(tmp_path):
    message = failure(write(tmp_path, HEADER + GOOD + b"2,10,100,ECG,,secret \xff\n"))
    assert "row 2: expected UTF-8" in message


def test_row_without_id(tmp_path):
    assert "row 2: expected an id" in failure(write(tmp_path, HEADER + GOOD + b",,,ECG,,secret\n"))


def test_truncated_gzip(tmp_path):
    path = str(tmp_path / "NOTEEVENTS.csv.gz")
    synthetic.write_noteevents(path, 300, seed=7)
    with open(path, "rb") as file:
        content = file.read()
    message = failure(write(tmp_path, content[: len(content) // 2], "half.csv.gz"))
    row = int(message.partition("row ")[2].partition(":")[0])
    assert 50 < row < 250
    assert "expected a whole gzip file" in message


def test_damaged_gzip(tmp_path):
    content = bytearray(gzip.compress(HEADER + GOOD * 5000, mtime=0))
    content[-6] ^= 0xFF  # in the checksum
    assert "expected a whole gzip file" in failure(write(tmp_path, bytes(content), "x.csv.gz"))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(note_tables.read_table(str(tmp_path / "none.csv")))


def test_mimic_iv_note_types_and_placeholders_take_mimic_iii_form(tmp_path):
    header = b"note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text\n"
    rows = (
        b'10-DS-1,10,200,DS,1,t,,"Name:  ___\nMr. ___ was seen.\n______\nend_____"\n'
        b"10-RR-2,10,,RR,2,t,,___ chest\n10-AR-3,10,,AR,3,t,,x\n10-XX-4,10,,XX,4,t,,x\n"
    )
    path = write(tmp_path, gzip.compress(header + rows), "discharge.csv.gz")
    found = list(reading.read_notes(path))
    assert [note.category for note in found] == [
        "Discharge summary",
        "Radiology",
        "Radiology",
        "XX",
    ]
    # Longer runs are rulers.
    assert found[0].text == "Name:  [** **]\nMr. [** **] was seen.\n______\nend_____"
    assert (found[0].note_id, found[0].hadm_id) == ("10-DS-1", "200")
    assert (found[1].text, found[1].hadm_id) == ("[** **] chest", None)
    original = next(reading.read_notes(path, original_text=True))
    assert original.text == "Name:  ___\nMr. ___ was seen.\n______\nend_____"


def test_any_table_with_ids_and_text(tmp_path):
    path = write(tmp_path, b"text,note_id\nThe ___ line,a1\n", "notes.csv")
    ((note, is_error, _),) = note_tables.read_table(path)
    assert (note.note_id, note.text, note.category, is_error) == ("a1", "The ___ line", "", False)


def test_mimic_iv_table_without_a_column(tmp_path):
    message = failure(write(tmp_path, b"note_id,note_type,subject_id,hadm_id\n1,DS,1,1\n"))
    assert "missing: TEXT" in message


@pytest.mark.parametrize(
    "flag",
    ["1", "1.0", "1,0", "TRUE", "t", "Yes", "WAHR", "ИСТИНА", "ja", "-1", "1E+00", "b'1'", "\1"],
)
def test_every_spelling_of_a_set_flag(flag, tmp_path):
    path = write(tmp_path, f"note_id;iserror;text\n1;{flag};a\n".encode())
    assert [marked for _, marked, _ in note_tables.read_table(path)] == [True]


@pytest.mark.parametrize(
    "flag", ["", "0", "0,00", "False", "No", "NaN", "<NA>", r"\N", "YANLIŞ", "(null)", r"b'\x00'"]
)
def test_every_spelling_of_a_flag_that_is_not_set(flag, tmp_path):
    path = write(tmp_path, f"note_id;iserror;text\n1;{flag};a\n".encode())
    assert [marked for _, marked, _ in note_tables.read_table(path)] == [False]


def test_a_flag_of_no_known_spelling_is_refused_without_showing_it(tmp_path):
    message = failure(write(tmp_path, b"note_id,iserror,text\n1,0,a\n2,secret,a\n"))
    assert "row 2: expected iserror" in message and "secret" not in message


@pytest.mark.parametrize("no_value", ["", "NULL", r"\N", "nan", "<NA>"])
def test_an_id_without_a_value_is_unknown(no_value, tmp_path):
    path = write(tmp_path, f"note_id,subject_id,hadm_id,text\n1,7.0,{no_value},a\n".encode())
    ((note, *_),) = note_tables.read_table(path)
    assert (note.subject_id, note.hadm_id) == ("7", None)


def test_a_text_column_that_is_there_twice_is_refused(tmp_path):
    assert "text several times" in failure(write(tmp_path, b"note_id,text,Text\n1,secret,b\n"))


def test_quotes_behind_backslashes_are_told_from_damage(tmp_path):
    message = failure(write(tmp_path, b'note_id,text\n1,"a \\"secret\\" b"\n'))
    assert "backslash" in message and "export the table again" in message


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

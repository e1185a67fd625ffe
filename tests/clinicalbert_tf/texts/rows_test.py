import gzip
import json

import pytest

from clinicalbert_tf.texts.rows import (
    Row,
    RowSource,
    count_rows,
    read_rows,
    resolve_format,
    sentence_rows,
)
from tfrecords_builder.notes.reading import read_notes

SECRET = "Confidentialword"


def write(folder, name, text):
    path = folder / name
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


def rows_of(path, **options):
    return list(read_rows(RowSource(path, **options), read_notes))


def test_lines_and_pairs_are_split_as_the_reference_does(tmp_path):
    path = write(tmp_path, "in.txt", " one two \na ||| b ||| c\n\nlast|||line")
    assert rows_of(path) == [
        Row("0", "one two"),
        Row("1", "a ||| b", "c"),
        Row("2", ""),
        Row("3", "last|||line"),
    ]
    assert count_rows(RowSource(path)) == 4


def test_only_a_line_feed_ends_a_line(tmp_path):
    path = write(tmp_path, "in.txt", "one\rtwo\x0bthree\u2028four\r\nfive\n")
    assert [row.text for row in rows_of(path)] == ["one\rtwo\x0bthree\u2028four", "five"]
    assert count_rows(RowSource(path)) == 2


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz"])
def test_json_lines_with_numbers_as_ids_and_categories(tmp_path, name):
    notes = [{"note_id": 7, "text": "a\nb"}, {"note_id": "x", "text": "c", "category": "ECG"}]
    path = write(tmp_path, name, "\n".join(map(json.dumps, notes)) + "\n\n")
    assert rows_of(path) == [Row("7", "a\nb"), Row("x", "c", category="ECG")]


def test_null_is_an_empty_text_and_patient_id_names_the_patient_too(tmp_path):
    notes = [{"note_id": "NA", "text": None, "patient_id": 3}, {"note_id": 1, "text": "a"}]
    path = write(tmp_path, "in.jsonl", "\n".join(map(json.dumps, notes)))
    assert rows_of(path) == [Row("NA", "", patient="3"), Row("1", "a")]
    path = write(tmp_path, "in.csv", "note_id,Patient_ID,text\nNA,03,a\n")
    assert rows_of(path) == [Row("NA", "a", patient="03")]


def test_csv_columns_are_found_by_name_in_any_case(tmp_path):
    path = write(tmp_path, "in.csv", 'ID,Note,Category\n1,"a, b\nc",Echo \n\n2,d,\n')
    rows = rows_of(path, id_column="id", text_column="note")
    assert rows == [Row("1", "a, b\nc", category="Echo"), Row("2", "d")]


def test_noteevents_is_told_by_its_header_and_read_by_the_notes_reader(tmp_path):
    header = "ROW_ID,SUBJECT_ID,HADM_ID,CATEGORY,ISERROR,TEXT\n"
    path = write(tmp_path, "any.csv.gz", header + "5,1,2,Nursing ,,first\n6,1,2,ECG,1,wrong\n")
    assert resolve_format(RowSource(path)) == "noteevents"
    assert rows_of(path) == [Row("5", "first", category="Nursing", patient="1")]


def test_sentences_of_a_note_are_numbered():
    rows = [Row("5", "a. b.", category="ECG"), Row("6", "p", "q")]
    split = sentence_rows(rows, lambda text: text.split())
    assert list(split) == [
        Row("5", "a.", category="ECG", sentence=0),
        Row("5", "b.", category="ECG", sentence=1),
        Row("6", "p", "q"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "options", "words"),
    [
        ("in.csv", f"ID,TEXT\n1,{SECRET}\n", {}, ["note_id", "--id_column"]),
        ("in.csv", f"note_id,TEXT\n1,{SECRET},3\n", {}, ["row 1", "2 fields", "received 3"]),
        ("in.csv", f'note_id,TEXT\n1,"{SECRET}\n', {}, ["row 1", "well-formed CSV"]),
        ("in.csv", f"note_id,TEXT\n1,{SECRET} \xff\n".encode("latin-1"), {}, ["UTF-8"]),
        ("in.jsonl", f'{{"note_id": 1, "text": "{SECRET}"\n', {}, ["line 1", "JSON object"]),
        ("in.jsonl", f'["{SECRET}"]\n', {}, ["line 1", "received something else (list)"]),
        ("in.jsonl", f'{{"note_id": 1, "t": "{SECRET}"}}\n', {}, ["line 1", "text_column"]),
        ("in.jsonl", f'{{"note_id": 1, "text": ["{SECRET}"]}}\n', {}, ["line 1", "list and int"]),
        ("in.txt", f"fine\n{SECRET} \xff\n".encode("latin-1"), {}, ["UTF-8"]),
    ],
)
def test_an_unreadable_input_is_named_without_its_text(tmp_path, name, content, options, words):
    path = write(tmp_path, name, content)
    with pytest.raises(ValueError) as caught:
        rows_of(path, **options)
    message = str(caught.value)
    assert path in message and SECRET not in message
    for word in words:
        assert word in message


def test_a_gzip_file_that_is_cut_off_is_named(tmp_path):
    whole = gzip.compress("".join(f"line {number}\n" for number in range(5000)).encode())
    path = tmp_path / "in.txt.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="a whole gzip file, received one that is cut off"):
        rows_of(str(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        rows_of(str(tmp_path / "none.txt"))


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="auto, text, jsonl, csv, noteevents, received 'xml'"):
        RowSource("in.xml", "xml")


def test_text_is_not_shown_by_repr():
    assert SECRET not in repr(Row("1", SECRET, SECRET))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Notes from JSON lines, text folders and Parquet; errors name the line, never the text."""

import gzip
import json
import re
import traceback

import pytest

from tfrecords_builder import schema
from tfrecords_builder.notes import reading
from tfrecords_builder.notes.sources import note_folders, note_rows

ROWS = [
    {"note_id": "a", "text": "First.\nSecond – line", "category": " ECG ", "subject_id": 7},
    {"note_id": 2, "text": "null", "hadm_id": 100.0, "extra": [1]},
    {"NOTE_ID": "c", "TEXT": "wrong", "ISERROR": 1},
    {"note_id": "d", "text": None},
]
EXPECTED = [
    schema.Note("a", "ECG", "First.\nSecond – line", "7", None),
    schema.Note("2", "", "null", None, "100"),
]


def failure(path):
    with pytest.raises(note_rows.NoteSourceError) as raised:
        list(reading.read_notes(str(path)))
    assert "secret" not in "".join(traceback.format_exception(raised.value))
    assert str(path) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", ["n.jsonl", "n.ndjson", "n.jsonl.gz"])
def test_json_lines(tmp_path, name):
    content = "\n\n".join(map(json.dumps, ROWS)).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    counts = reading.NoteCounts()
    assert list(reading.read_notes(str(path), counts=counts)) == EXPECTED
    assert (counts.read, counts.empty, counts.filtered) == (4, 1, {"marked_as_error": 1})


@pytest.mark.parametrize(
    "line",
    [
        '{"note_id": 1, "text": "secret"',
        '["secret"]',
        '{"note_id": 1, "note": "secret"}',
        '{"text": "secret"}',
    ],
)
def test_line_that_is_no_note_object(tmp_path, line):
    path = tmp_path / "n.jsonl"
    path.write_text('{"note_id": 1, "text": "fine"}\n\n' + line + "\n")
    assert "line 3: expected a JSON object with note_id and text" in failure(path)


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ('{"text": "secret"}', "an object without note_id"),
        ('{"note_id": 1, "text": "a"}{"note_id": 2, "text": "secret"}', "several objects.*jq -c"),
        ('{\n "note_id": 1, "text": "secret"\n}\n', "an object over several lines.*jq -c"),
    ],
)
def test_what_stands_instead_of_one_object_is_named(tmp_path, text, received):
    path = tmp_path / "n.jsonl"
    path.write_text(text)
    assert re.search(received, failure(path))


def test_json_lines_with_the_names_of_mimic_iii(tmp_path):
    path = tmp_path / "n.jsonl"
    path.write_text('{"ROW_ID": "01", "TEXT": "a"}\n')
    (note,) = reading.read_notes(str(path))
    assert (note.note_id, note.text) == ("01", "a")


def test_json_text_of_another_type_or_without_id(tmp_path):
    path = tmp_path / "n.jsonl"
    path.write_text('{"note_id": 1, "text": ["secret"]}\n')
    assert "row 1: expected a string as text, received list" in failure(path)
    path.write_text('{"note_id": null, "text": "secret"}\n')
    assert "row 1: expected an id" in failure(path)


def test_json_bytes_that_are_not_utf8_and_half_characters(tmp_path):
    path = tmp_path / "n.jsonl"
    path.write_bytes(b'{"note_id": 1, "text": "secret \xff"}\n')
    assert "row 1: expected UTF-8" in failure(path)
    path.write_bytes(b'{"note_id": 1, "text": "secret \\ud83d"}\n')
    assert "row 1: expected whole characters, received half of one" in failure(path)


def test_truncated_json_gzip(tmp_path):
    content = "".join(
        json.dumps({"note_id": n, "text": f"secret {n**9}"}) + "\n" for n in range(9999)
    )
    packed = gzip.compress(content.encode())
    path = tmp_path / "n.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    assert "expected a whole gzip file" in failure(path)


def test_folder_of_text_files(tmp_path):
    for name, text in (("b.txt", "bé\n"), ("ECG/2.txt", "two"), ("a.md", "no"), ("c.txt", " ")):
        path = tmp_path / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    counts = reading.NoteCounts()
    found = list(reading.read_notes(str(tmp_path / "notes"), counts=counts))
    assert found == [schema.Note("ECG/2", "ECG", "two"), schema.Note("b", "", "bé\n")]
    assert (counts.read, counts.empty) == (3, 1)


def test_folder_without_notes_or_with_bytes_that_are_not_utf8(tmp_path):
    assert "expected .txt or .parquet files" in failure(tmp_path)
    (tmp_path / "x.txt").write_bytes(b"secret \xff")
    assert "file x.txt" in failure(tmp_path)


def test_several_sources_at_once(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"note_id": 1, "text": "one"}\n')
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.txt").write_text("two")
    paths = [str(tmp_path / "a.jsonl"), str(tmp_path / "b")]
    assert [note.text for note in reading.read_notes(paths)] == ["one", "two"]


def write_parquet(path, rows=1500):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "ROW_ID": list(range(rows)),
            "Text": [f"secret {number}" for number in range(rows)],
            "category": ["Echo "] * rows,
            "hadm_id": [None if number % 2 else float(number) for number in range(rows)],
            "vector": [[1.0]] * rows,
        }
    )
    parquet.write_table(table, path)


def test_parquet_file_and_folder(tmp_path):
    folder = tmp_path / "notes.parquet"
    folder.mkdir()
    write_parquet(folder / "part-1.parquet")
    write_parquet(folder / "part-0.parquet", rows=1)
    (folder / "_SUCCESS").write_text("")
    found = list(reading.read_notes(str(folder / "part-1.parquet")))
    assert len(found) == 1500
    assert found[1000] == schema.Note("1000", "Echo", "secret 1000", None, "1000")
    assert found[1001].hadm_id is None
    assert [note.note_id for note in reading.read_notes(str(folder))][:3] == ["0", "0", "1"]


def test_damaged_parquet_and_missing_column(tmp_path):
    path = tmp_path / "n.parquet"
    write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "expected a whole Parquet file" in failure(path)
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"note_id": [1]}), path)
    assert "missing: TEXT" in failure(path)


def test_names_of_other_programs_are_passed_over(tmp_path):
    names = (".ipynb_checkpoints/a.txt", "_temporary/0/a.txt", "in/.a.txt", "in/_a.txt", "in/a.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [note.text for note in reading.read_notes(str(tmp_path))] == ["in/a.txt"]


def test_suffixes_are_compared_without_case(tmp_path):
    (tmp_path / "A.TXT").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    assert [note.note_id for note in reading.read_notes(str(tmp_path))] == ["A", "b"]
    path = tmp_path / "N.JSONL"
    path.write_text('{"note_id": 1, "text": "three"}\n')
    assert [note.text for note in reading.read_notes(str(path))] == ["three"]


def test_a_folder_of_text_and_parquet_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("secret")
    (tmp_path / "b.txt").write_text("secret")
    (tmp_path / "c.Parquet").write_bytes(b"")
    message = failure(tmp_path)
    assert "received 2 .txt, 1 .parquet" in message


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    def walk(path, onerror):
        onerror(PermissionError(13, "no right", "inner"))
        return iter(())

    monkeypatch.setattr(note_folders.os, "walk", walk)
    with pytest.raises(PermissionError, match="inner"):
        note_folders.files_of_folder(str(tmp_path))


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_parquet_text_that_is_not_utf8_is_named_by_its_row(tmp_path, kind):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = 700
    # As Spark writes a column of bytes that is declared to be text.
    texts = pyarrow.array([b"secret \xff" if row == 600 else b"fine" for row in range(rows)])
    types = {"string": pyarrow.string(), "large_string": pyarrow.large_string()}
    text = texts.cast(pyarrow.large_binary()) if kind == "large_string" else texts
    text = text.cast(types.get(kind, pyarrow.string()), safe=False)
    if kind == "dictionary":
        text = text.dictionary_encode()
    path = tmp_path / "n.parquet"
    parquet.write_table(pyarrow.table({"note_id": range(rows), "text": text}), path)
    assert "row 601: expected UTF-8" in failure(path)


def excluding(path, **lists):
    counts = reading.NoteCounts()
    found = [note.note_id for note in reading.read_notes(str(path), counts=counts, **lists)]
    assert counts.read == len(found) + counts.empty + sum(counts.filtered.values())
    return found, counts.filtered


def test_json_lines_without_a_known_subject_are_left_out_of_a_filtered_build(tmp_path):
    path = tmp_path / "n.jsonl"
    rows = [
        {"note_id": "a", "text": "x", "subject_id": 1, "hadm_id": 5},
        {"note_id": "b", "text": "x", "subject_id": None},
        {"note_id": "c", "text": "x"},
        {"note_id": "d", "text": "x", "subject_id": 2},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert excluding(path) == (["a", "b", "c", "d"], {})
    assert excluding(path, exclude_subjects={"1"}) == (
        ["d"],
        {"excluded_subject": 1, "unknown_subject": 2},
    )
    # A note of no admission is an outpatient's.
    assert excluding(path, exclude_admissions={"5"}) == (["b", "c", "d"], {"excluded_admission": 1})
    path.write_text("\n")
    assert excluding(path, exclude_subjects={"1"}) == ([], {"excluded_subject": 0})


LISTS = [{"exclude_subjects": {"1"}}, {"exclude_admissions": {"1"}}]


@pytest.mark.parametrize("lists", LISTS)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "folder"])
def test_a_source_without_the_ids_of_a_list_is_refused(tmp_path, kind, lists):
    path = tmp_path / f"n.{kind}"
    if kind == "csv":
        path.write_text("note_id,text\n1,secret\n")
    elif kind == "jsonl":
        path.write_text('{"note_id": 1, "text": "secret"}\n')
    elif kind == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.table({"note_id": [1], "text": ["secret"]}), path)
    else:
        path.mkdir()
        (path / "1.txt").write_text("secret")
    name = "subject_id" if "exclude_subjects" in lists else "hadm_id"
    message = rf"{path}: expected a {name} with each note.*--{next(iter(lists))}"
    with pytest.raises(note_rows.NoteSourceError, match=message):
        list(reading.read_notes(str(path), **lists))
    assert reading.check_ids(str(path))
    if kind == "jsonl":
        # Any line may have it.
        reading.check_ids(str(path), **lists)
        return
    with pytest.raises(note_rows.NoteSourceError, match=message):
        reading.check_ids(str(path), **lists)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

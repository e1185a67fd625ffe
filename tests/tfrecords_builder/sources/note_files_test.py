"""Notes from JSON lines, text folders and Parquet; errors name the line, never the text."""

import gzip
import json
import traceback

import pytest

from tfrecords_builder import notes, schema
from tfrecords_builder.sources import note_rows

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
        list(notes.read_notes(str(path)))
    assert "secret" not in "".join(traceback.format_exception(raised.value))
    assert str(path) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", ["n.jsonl", "n.ndjson", "n.jsonl.gz"])
def test_json_lines(tmp_path, name):
    content = "\n\n".join(map(json.dumps, ROWS)).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    counts = notes.NoteCounts()
    assert list(notes.read_notes(str(path), counts=counts)) == EXPECTED
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
    path.write_bytes(b'{"note_id": 1, "text": "secret \\ud800"}\n')
    assert "row 1: expected UTF-8" in failure(path)


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
    counts = notes.NoteCounts()
    found = list(notes.read_notes(str(tmp_path / "notes"), counts=counts))
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
    assert [note.text for note in notes.read_notes(paths)] == ["one", "two"]
    assert all(map(notes.is_source, paths))
    assert not notes.is_source(str(tmp_path / "none.csv"))


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
    found = list(notes.read_notes(str(folder / "part-1.parquet")))
    assert len(found) == 1500
    assert found[1000] == schema.Note("1000", "Echo", "secret 1000", None, "1000")
    assert found[1001].hadm_id is None
    assert [note.note_id for note in notes.read_notes(str(folder))][:3] == ["0", "0", "1"]


def test_damaged_parquet_and_missing_column(tmp_path):
    path = tmp_path / "n.parquet"
    write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "expected a whole Parquet file" in failure(path)
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"note_id": [1]}), path)
    assert "missing: TEXT" in failure(path)

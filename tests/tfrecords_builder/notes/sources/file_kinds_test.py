"""What a file of notes is, told from its content."""

import gzip
import logging

import pytest

from tfrecords_builder.notes.reading import NoteCounts, NoteSourceError, read_notes
from tfrecords_builder.notes.sources import file_kinds

PROSE = (
    "REASON FOR VISIT:\nCough\n\nHISTORY:\nShe has had a dry cough with some\nwheezing for a week. "
    "She does not smoke.\n\nPLAN:\nFluids.\n"
)
SENTENCES = "The patient is well.\nShe went home.\n\nPain since two days.\n- aspirin\nPlan: rest\n"
STATEMENTS = "awake and alert\nlungs clear to bases on both sides\nno pain\nvoiding\n\nslept well\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "text, expected",
    [
        (PROSE, "notes"),
        ("He fell. He has pain in the hip. No fracture.\n" * 3, "notes"),
        (SENTENCES, "sentences"),
        (STATEMENTS, "sentences"),
        ("", "sentences"),
    ],
)
def test_text_files_are_told_from_their_content_and_it_is_said(text, expected, tmp_path, caplog):
    paths = [write(tmp_path / f"{name}.txt", text) for name in "ab"] + [str(tmp_path)]
    with caplog.at_level(logging.INFO, logger="absl"):
        assert file_kinds.choose_text_files(paths) == expected
    assert "Reading 2 .txt files as " in caplog.text and "--text_files=" in caplog.text
    assert file_kinds.choose_text_files(paths, "notes") == "notes"
    assert file_kinds.choose_text_files(paths, "sentences") == "sentences"


def test_nothing_is_said_without_text_files(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="absl"):
        assert file_kinds.choose_text_files([write(tmp_path / "a.csv", "x")]) == "sentences"
    assert not caplog.records


def test_a_text_file_is_one_note_named_by_its_file(tmp_path):
    path = write(tmp_path / "visit 3.txt", PROSE)
    (note,) = read_notes(path)
    assert (note.note_id, note.category, note.text) == ("visit 3", "", PROSE)
    (tmp_path / "4.txt.gz").write_bytes(gzip.compress(b"Well."))
    (note,) = read_notes(str(tmp_path / "4.txt.gz"))
    assert (note.note_id, note.text) == ("4", "Well.")


def test_a_table_in_a_text_file_is_a_table(tmp_path):
    path = write(tmp_path / "noteevents.txt", "ROW_ID\tTEXT\tNOTE_ID\n1\tPain.\tn1\n")
    assert [(note.note_id, note.text) for note in read_notes(path)] == [("n1", "Pain.")]


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a.data"])
def test_json_lines_whatever_their_name(name, tmp_path):
    path = write(
        tmp_path / name, '\n{"note_id": "01", "text": "Pain."}\r{"note_id": 2.0, "text": ""}'
    )
    counts = NoteCounts()
    assert [note.note_id for note in read_notes(path, counts=counts)] == ["01"]
    assert (counts.read, counts.empty) == (2, 1)


def test_a_json_array_is_named_with_a_command(tmp_path):
    path = write(tmp_path / "a.json", '[{"note_id": 1, "text": "secret"}]')
    with pytest.raises(
        NoteSourceError, match=r"received a JSON array.*jq -c '.\[\]' .*a\.json"
    ) as e:
        list(read_notes(path))
    assert "secret" not in str(e.value)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("excel", [False, True])
def test_the_separator_is_told_from_the_header(separator, excel, tmp_path):
    rows = [("Subject_ID", "TEXT", "note_id"), ("7", '"Pain; a, b\t|"', "1")]
    text = "".join(separator.join(row) + "\n" for row in rows)
    path = write(tmp_path / "a.csv", f"sep={separator}\n" * excel + text)
    (note,) = read_notes(path)
    assert (note.note_id, note.subject_id, note.text) == ("1", "7", "Pain; a, b\t|")


def test_files_of_a_folder_that_are_not_read_are_counted_by_kind(tmp_path, caplog):
    for name in ("a.txt", "b/c.txt", "Jane Roe.xml", "d.TXT.gz", "_e.txt", ".f", "g", "b/h.xml"):
        write(tmp_path / name, "Pain.")
    for name in ("_SUCCESS", ".DS_Store", ".hidden/x.txt"):
        write(tmp_path / name, "x")
    counts = NoteCounts()
    assert [note.note_id for note in read_notes(str(tmp_path), counts=counts)] == ["a", "b/c"]
    assert counts.files_not_read == {
        ".txt.gz": 1,
        ".xml": 2,
        "name begins with . or _": 2,
        "no ending": 1,
    }
    assert "6 files in this folder are not read" in caplog.text and "Jane" not in caplog.text
    total = NoteCounts()
    total.add(counts)
    total.add(counts)
    assert total.files_not_read[".xml"] == 4


@pytest.mark.parametrize("name", ["notes.csv.gz", "notes.jsonl", "x/radiology.tsv"])
def test_a_folder_that_mixes_tables_and_text_is_refused(name, tmp_path):
    write(tmp_path / "LICENSE.txt", "secret")
    write(tmp_path / name, "note_id,text\n")
    with pytest.raises(NoteSourceError, match=r"received 1 tables or JSON lines .*, 1 \.txt. Name"):
        list(read_notes(str(tmp_path)))


def test_a_folder_of_tables_alone_says_how_to_name_them(tmp_path):
    write(tmp_path / "notes.csv", "note_id,text\n")
    with pytest.raises(NoteSourceError, match="but tables or JSON lines: name them by their paths"):
        list(read_notes(str(tmp_path)))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

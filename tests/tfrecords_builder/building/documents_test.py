"""Inputs to batches of documents, filtered and without copies."""

import contextlib
import dataclasses
import sqlite3

import pytest

from tests.support import GOLDEN
from tfrecords_builder.building import documents
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.notes import reading


def read(path, **filters):
    counts = reading.NoteCounts()
    batches = list(documents.read_batches([str(path)], documents.NoteFilters(**filters), counts))
    return batches, counts


def test_filters_come_from_the_settings_and_are_counted(tmp_path):
    path = GOLDEN / "notes" / "NOTEEVENTS.csv"
    everything = list(reading.read_notes(str(path)))
    kind, subject = everything[0].category, everything[1].subject_id
    (tmp_path / "subjects.txt").write_text(f"{subject}\n")
    settings = BuilderSettings(
        "unused", categories=(kind,), exclude_subjects=str(tmp_path / "subjects.txt")
    )
    counts = reading.NoteCounts()
    batches = documents.read_batches([str(path)], documents.NoteFilters.of(settings), counts)
    found = [note.note_id for batch in batches for note in batch.notes]
    assert found == [
        note.note_id for note in everything if note.category == kind and note.subject_id != subject
    ]
    assert counts.read == len(found) + sum(counts.filtered.values())
    assert 0 < len(found) < len(everything)


def test_copies_are_left_out_and_counted_by_kind(tmp_path):
    words = [f"word{i}" for i in range(300)]
    texts = [" ".join(words), " ".join(words[::-1]), " ".join(words) + "  ", " ".join(words[5:])]
    path = tmp_path / "notes.csv"
    path.write_text("note_id,text\n" + "".join(f"n{i},{text}\n" for i, text in enumerate(texts)))
    for mode, kept, filtered in (
        ("none", [0, 1, 2, 3], {}),
        ("exact", [0, 1, 3], {"exact_copy": 1}),
        ("minhash", [0, 1], {"exact_copy": 1, "near_copy": 1}),
    ):
        deduplicator = documents.make_deduplicator(BuilderSettings("unused", deduplicate=mode))
        counts = reading.NoteCounts()
        batches = documents.read_batches(
            [str(path)], documents.NoteFilters(), counts, deduplicator, first_number=7
        )
        found = [note.document_id for batch in batches for note in batch.notes]
        assert found == [f"7#n{i}" for i in kept], mode
        assert (counts.read, counts.used, counts.filtered) == (4, len(kept), filtered)


def test_batches_are_of_about_equal_size(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "BATCH_CHARACTERS", 5000)
    batches, _ = read(GOLDEN / "notes" / "NOTEEVENTS.csv")
    assert sum(len(batch.notes) for batch in batches) == 80
    assert len(batches) > 5
    for batch in batches[:-1]:
        sizes = [len(note.text) for note in batch.notes]
        assert sum(sizes) >= 5000 > sum(sizes[:-1])


def test_a_document_repr_holds_no_text():
    assert "Secret" not in repr(documents.TextDocument("0#1", "1", "Secret"))
    assert "Secret" not in repr(documents.SentenceBlock("a", "0#1", 1, b"Secret"))


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"categories": ("Nursing",)}, "--categories"),
        ({"exclude_subjects": "ids.txt"}, "--exclude_subjects"),
        (
            {"exclude_subjects": "ids.txt", "exclude_admissions": "ids.txt"},
            "--exclude_subjects, --exclude_admissions",
        ),
    ],
)
def test_sentence_files_cannot_be_filtered(changes, flags, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("One .\n")
    (tmp_path / "ids.txt").write_text("1\n")
    settings = BuilderSettings("unused", input=("a.txt",), **changes)
    message = rf"a\.txt: expected notes that {flags} can tell apart, received a sentence file"
    with pytest.raises(ValueError, match=message):
        documents.NoteFilters.of(settings)
    # Files that come from elsewhere are first seen at their turn.
    filters = documents.NoteFilters.of(dataclasses.replace(settings, input=()))
    with pytest.raises(ValueError, match=message):
        list(documents.read_batches(["a.txt"], filters, reading.NoteCounts()))


def test_every_input_is_looked_at_before_the_first_is_read(tmp_path):
    (tmp_path / "ids.txt").write_text("1\n")
    (tmp_path / "notes.csv").write_text("note_id,text\n1,one\n")
    golden = str(GOLDEN / "notes" / "NOTEEVENTS.csv")
    inputs = (golden, str(tmp_path / "notes.csv"))
    for name, column in (("exclude_subjects", "subject_id"), ("exclude_admissions", "hadm_id")):
        settings = BuilderSettings("unused", input=inputs, **{name: str(tmp_path / "ids.txt")})
        with pytest.raises(ValueError, match=rf"notes\.csv: expected a {column} with each note"):
            documents.NoteFilters.of(settings)
        documents.NoteFilters.of(dataclasses.replace(settings, input=(golden, "gs://bucket/a.csv")))
    documents.NoteFilters.of(BuilderSettings("unused", input=inputs))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"ids;text\n1;secret\n", "a.csv, header: expected the columns"),
        ("a.csv", b"note_id,text\n1,secret\xff\n", "a.csv, row 1: expected UTF-8"),
        ("a.jsonl", b'{"id": 1, "text": "secret"}\n', "a.jsonl, line 1: expected a JSON object"),
        ("a.jsonl", b"", "expected at least two notes with text in .*a.jsonl, received none"),
        ("a.csv", b"note_id,text\n", "expected at least two notes with text in .*a.csv"),
        ("a.txt", b"", "expected at least two notes with text in .*a.txt"),
        ("folder", None, "folder: expected .txt or .parquet files in this folder"),
    ],
)
def test_inputs_are_opened_before_anything_is_built(tmp_path, name, content, message):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=f"(?i){message}") as raised:
        documents.NoteFilters.of(BuilderSettings("unused", input=(str(path),)))
    assert "secret" not in str(raised.value)


def test_the_query_of_a_database_is_looked_at_before_anything_is_built(tmp_path):
    pytest.importorskip("sqlalchemy")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("CREATE TABLE n (note_id, text)")
    url = f"sqlite:///{tmp_path}/a.db#SELECT note_id, text"
    documents.NoteFilters.of(BuilderSettings("unused", input=(f"{url} FROM n",)))
    with pytest.raises(ValueError, match="no such column: absent"):
        documents.NoteFilters.of(BuilderSettings("unused", input=(f"{url}, absent FROM n",)))


def test_an_empty_input_beside_others_is_nothing_to_refuse(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    (tmp_path / "b.txt").write_bytes(b"One .\n")
    inputs = (str(tmp_path / "b.txt"), str(tmp_path / "a.jsonl"))
    for names in (inputs, (inputs[1], "gs://bucket/a.csv")):
        filters = documents.NoteFilters.of(BuilderSettings("unused", input=names))
        assert filters == documents.NoteFilters(text_files="auto")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

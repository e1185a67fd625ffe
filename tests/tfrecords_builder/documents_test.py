"""Inputs to tokenized documents."""

import pathlib

import numpy as np
import pytest

from tfrecords_builder import documents, notes, sections, sentences
from tfrecords_builder.settings import BuilderSettings
from tfrecords_builder.tokenization import BertTokenizer

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)


def encoder(tokenizer, **settings):
    return documents.DocumentEncoder(BuilderSettings("unused", **settings), tokenizer)


def read(path, **filters):
    counts = notes.NoteCounts()
    batches = list(documents.read_batches([str(path)], documents.NoteFilters(**filters), counts))
    return batches, counts


def decoded(tokenizer, document):
    split = 4 * document.sentences
    ids = np.frombuffer(document.payload[split:], "<u2").tolist()
    lengths = np.frombuffer(document.payload[:split], "<u4").tolist()
    assert (sum(lengths), len(lengths)) == (document.tokens, document.sentences)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return [ids[start : start + n] for start, n in zip(starts, lengths, strict=False)]


def test_sentence_files_give_a_document_for_each_run_of_lines(tmp_path, tokenizer):
    path = tmp_path / "a.txt"
    path.write_text("The patient\nwas seen\n\n\n  \nThe plan\n")
    batches, _ = read(path)
    encoded, counts = [], documents.Counts()
    for batch in batches:
        made, counted = encoder(tokenizer).encode(batch)
        encoded += made
        counts.add(counted)
    assert [decoded(tokenizer, document) for document in encoded] == [
        [tokenizer.encode("The patient"), tokenizer.encode("was seen")],
        [tokenizer.encode("The plan")],
    ]
    assert (counts.read, counts.written, counts.sentences) == (2, 2, 3)
    assert counts.tokens == sum(document.tokens for document in encoded)
    assert counts.characters_read == counts.characters_kept == 24


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1 << 20])
def test_blocks_end_between_documents_and_lose_nothing(block_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "_BLOCK_BYTES", block_bytes)
    data = "Ä one\ntwo\n\nthree\r\n\r\nfour\n \t\n\n\nfive, six\nseven".encode()
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    blocks = list(documents.read_sentence_blocks(str(path)))
    assert b"".join(block for _, _, block in blocks) == data
    for offset, line, block in blocks:
        assert data[offset:].startswith(block)
        assert line == 1 + data[:offset].count(b"\n")
    for _, _, block in blocks[:-1]:
        assert block.endswith(b"\n") and not block.split(b"\n")[-2].strip()
    if block_bytes == 1:
        assert len(blocks) == 5


def test_a_byte_that_is_not_utf_8_is_named_by_its_line_in_the_file(
    tmp_path, tokenizer, monkeypatch
):
    monkeypatch.setattr(documents, "_BLOCK_BYTES", 8)
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\ntwo\n\nthree\nSecret \xff\n\n")
    batches, _ = read(path)
    with pytest.raises(ValueError, match=r"a\.txt, line 6: .*0xff") as error:
        for batch in batches:
            encoder(tokenizer).encode(batch)
    assert "Secret" not in str(error.value)


@pytest.mark.parametrize("rules", ["corrected", "as_published"])
def test_notes_become_their_sections_sentences(rules, tokenizer):
    path = GOLDEN / "notes" / "NOTEEVENTS.csv"
    batches, counts = read(path)
    encoded = []
    for batch in batches:
        made, _ = encoder(tokenizer, sections=rules).encode(batch)
        encoded += made
    expected = []
    for note in notes.read_notes(str(path)):
        parts = sections.split_sections(note.text, rules)
        lines = [line for part in parts for line in sentences.split_sentences(part)]
        expected.append([ids for line in lines if (ids := tokenizer.encode(line))])
    assert [decoded(tokenizer, document) for document in encoded] == expected
    assert counts.read == 80


def test_the_corrected_rules_keep_every_character_and_the_published_ones_do_not(tokenizer):
    text = "----------\nAllergies:\nPenicillin\n\n_____\nPlan:  rest.\n1. Fluids\n"
    batch = documents.NoteBatch([documents.TextDocument("0#1", "1", text)])
    _, corrected = encoder(tokenizer).encode(batch)
    # Neither rulers nor white space count.
    assert corrected.characters_read == len("Allergies:PenicillinPlan:rest.1.Fluids")
    assert corrected.characters_kept == corrected.characters_read
    path = GOLDEN / "notes" / "NOTEEVENTS.csv"
    kept = {}
    for rules in ("corrected", "as_published"):
        counts = documents.Counts()
        for batch in read(path)[0]:
            counts.add(encoder(tokenizer, sections=rules).encode(batch)[1])
        kept[rules] = counts.characters_kept / counts.characters_read
    assert kept["corrected"] == 1
    assert 0.95 < kept["as_published"] < 0.995


def test_a_note_that_raises_is_counted_by_its_id_without_its_text(tokenizer, monkeypatch):
    split = sections.split_sections

    def split_or_raise(text, rules):
        if "bad" in text:
            raise IndexError("Secret bad text")
        return split(text, rules)

    monkeypatch.setattr(sections, "split_sections", split_or_raise)
    batch = documents.NoteBatch(
        [
            documents.TextDocument("0#1", "1", "The patient was seen."),
            documents.TextDocument("0#2", "2", "Secret bad text"),
            documents.TextDocument("0#3", "3", "\x00\x01"),
        ]
    )
    encoded, counts = encoder(tokenizer, sections="as_published").encode(batch)
    assert len(encoded) == counts.written == 1
    assert counts.empty == 1
    assert counts.read == 3
    assert counts.failed == [{"note_id": "2", "reason": "sections=as_published: IndexError"}]


def test_filters_come_from_the_settings_and_are_counted(tmp_path):
    path = GOLDEN / "notes" / "NOTEEVENTS.csv"
    everything = list(notes.read_notes(str(path)))
    kind, subject = everything[0].category, everything[1].subject_id
    (tmp_path / "subjects.txt").write_text(f"{subject}\n")
    settings = BuilderSettings(
        "unused", categories=(kind,), exclude_subjects=str(tmp_path / "subjects.txt")
    )
    counts = notes.NoteCounts()
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
        counts = notes.NoteCounts()
        batches = documents.read_batches(
            [str(path)], documents.NoteFilters(), counts, deduplicator, first_number=7
        )
        found = [note.document_id for batch in batches for note in batch.notes]
        assert found == [f"7#n{i}" for i in kept], mode
        assert (counts.read, counts.used, counts.filtered) == (4, len(kept), filtered)
        assert counts.characters == sum(len(texts[i]) for i in kept)


def test_batches_are_of_about_equal_size(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "_BATCH_CHARACTERS", 5000)
    batches, _ = read(GOLDEN / "notes" / "NOTEEVENTS.csv")
    assert sum(len(batch.notes) for batch in batches) == 80
    assert len(batches) > 5
    for batch in batches[:-1]:
        sizes = [len(note.text) for note in batch.notes]
        assert sum(sizes) >= 5000 > sum(sizes[:-1])


def test_a_document_repr_holds_no_text():
    assert "Secret" not in repr(documents.TextDocument("0#1", "1", "Secret"))
    assert "Secret" not in repr(documents.SentenceBlock("a", "0#1", 1, b"Secret"))

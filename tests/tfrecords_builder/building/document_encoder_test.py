"""Batches of documents to wordpiece ids, and what is counted."""

import numpy as np
import pytest

from tests.support import GOLDEN
from tfrecords_builder.building import document_encoder, documents
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.notes import reading
from tfrecords_builder.notes.sources import sentence_files
from tfrecords_builder.text import sections, sentences
from tfrecords_builder.tokenization import BertTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)


def encoder(tokenizer, **settings):
    return document_encoder.DocumentEncoder(BuilderSettings("unused", **settings), tokenizer)


def read(path, **filters):
    counts = reading.NoteCounts()
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
    encoded, counts = [], document_encoder.Counts()
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


def test_a_byte_that_is_not_utf_8_is_named_by_its_line_in_the_file(
    tmp_path, tokenizer, monkeypatch
):
    monkeypatch.setattr(sentence_files, "BLOCK_BYTES", 8)
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
    for note in reading.read_notes(str(path)):
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
        counts = document_encoder.Counts()
        for batch in read(path)[0]:
            counts.add(encoder(tokenizer, sections=rules).encode(batch)[1])
        kept[rules] = counts.characters_kept / counts.characters_read
    assert kept["corrected"] == 1
    assert 0.95 < kept["as_published"] < 0.995


def test_a_note_that_raises_is_counted_by_its_id_without_its_text(tokenizer):
    batch = documents.NoteBatch(
        [
            documents.TextDocument("0#1", "1", "The patient was seen."),
            # The published rules fail on it.
            documents.TextDocument("0#2", "2", "Admission Date: a Discharge Date: secret"),
            documents.TextDocument("0#3", "3", "\x00\x01"),
        ]
    )
    encoded, counts = encoder(tokenizer, sections="as_published").encode(batch)
    assert len(encoded) == counts.written == 1
    assert counts.empty == 1
    assert counts.read == 3
    assert counts.failed == [{"note_id": "2", "reason": "sections=as_published: IndexError"}]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

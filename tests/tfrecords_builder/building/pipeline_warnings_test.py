"""What a build and an inspection warn of; Chinese notes from end to end."""

import gzip
import itertools
import json

import pytest

from tests.support import ROOT
from tfrecords_builder import schema
from tfrecords_builder.building import doubts, pipeline
from tfrecords_builder.building.running import report
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.inspection import inspection, inspection_report
from tfrecords_builder.text.cutting import cut_note

VOCABULARY = str(ROOT / "tests" / "golden" / "vocab" / "uncased.txt")
DATA = ROOT.parent / "shared" / "data"


def test_tokens_that_were_added_to_the_vocabulary_are_named(tmp_path):
    vocab_file = str(tmp_path / "vocab.txt")
    assert doubts.added_tokens(vocab_file) == []
    (tmp_path / "added_tokens.json").write_text('{"[DOSE]": 9, "[MASK]": 4}')
    entry = {"content": "covid19", "id": 10}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": [entry]}))
    (warning,) = doubts.added_tokens(vocab_file)
    assert "adds 2 tokens to vocab.txt ([DOSE], covid19)" in warning
    (tmp_path / "tokenizer.json").write_text("damaged")
    assert "adds 1 tokens" in doubts.added_tokens(vocab_file)[0]


def build(folder, texts, **settings):
    path = folder / "notes.jsonl"
    lines = (json.dumps({"note_id": n, "text": text}) for n, text in enumerate(texts))
    path.write_text("\n".join(lines), encoding="utf-8")
    given = {"vocab_file": VOCABULARY, "num_shards": 1, "num_workers": 1} | settings
    return pipeline.build_records(
        BuilderSettings(str(folder / "records"), input=(str(path),), **given)
    )


def warnings_everywhere(folder, manifest):
    """The warnings, which manifest, report and inspection must all have."""
    found = inspection.inspect_records([str(folder / "records")])
    assert len(found.warnings()) == len(manifest.warnings)
    assert schema.read_manifest(str(folder / "records")).warnings == manifest.warnings
    shown = report.format_report(manifest, "records"), inspection_report.format_text(found)
    for text, warnings in zip(shown, (manifest.warnings, found.warnings()), strict=True):
        assert text.count("Warning: ") == len(warnings)
        assert all(f"Warning: {warning}" in text for warning in warnings)
    return manifest.warnings


def test_notes_that_fit_their_vocabulary_have_no_warning(tmp_path):
    manifest = build(tmp_path, ["The patient was seen. He has pain. No fever. Plan is rest."] * 8)
    assert manifest.counts["unknown_tokens"] == 0
    assert 0 < manifest.counts["random_next"] < manifest.counts["instances"]
    assert warnings_everywhere(tmp_path, manifest) == []
    assert all(set(shard) == {"file", "instances", "bytes"} for shard in manifest.shards)


def test_a_vocabulary_that_does_not_fit_is_said(tmp_path):
    manifest = build(tmp_path, ["Ωμέγα ψυχή. Ωμέγα. He has pain. Ωμέγα ψυχή."] * 8)
    # Four words of nine tokens in a note.
    share = manifest.counts["unknown_tokens"] / manifest.counts["tokens"]
    assert share == pytest.approx(5 / 13)
    (warning,) = warnings_everywhere(tmp_path, manifest)
    assert warning.startswith("38% of the tokens are [UNK]") and "--vocab_file" in warning


def test_documents_of_one_sentence_are_said(tmp_path):
    manifest = build(tmp_path, ["The patient was seen"] * 8)
    assert manifest.counts["random_next"] == manifest.counts["instances"]
    (warning,) = warnings_everywhere(tmp_path, manifest)
    assert warning.startswith("100% of the next sentences are random")
    assert "--objective=mlm" in warning


def test_bounds_of_the_warnings():
    assert doubts.unknown_tokens(5, 100) == [] != doubts.unknown_tokens(6, 100)
    assert doubts.random_next(90, 100) == [] != doubts.random_next(91, 100)
    assert doubts.unknown_tokens(0, 0) == doubts.random_next(0, 0) == []


def test_text_files_by_a_glob_are_notes_if_they_are_prose(tmp_path):
    text = "REASON:\nCough\n\nHISTORY:\nShe has had a dry cough with\nwheezing. No fever. Stable.\n"
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(text)
    common = {"vocab_file": VOCABULARY, "num_shards": 1, "num_workers": 1}
    inputs = (str(tmp_path / "*.txt"),)
    told = pipeline.build_records(BuilderSettings(str(tmp_path / "1"), input=inputs, **common))
    assert told.counts["notes"]["read"] == 2 and told.settings["text_files"] == "notes"
    assert [described["notes"] for described in told.inputs] == [1, 1]
    asked = pipeline.build_records(
        BuilderSettings(str(tmp_path / "2"), input=inputs, text_files="sentences", **common)
    )
    assert asked.counts["notes"]["read"] == 4 and "text_files" not in asked.settings


def test_one_document_alone_says_what_separates_documents(tmp_path):
    (tmp_path / "s.txt").write_text("The patient has pain.\nHe denies fever.\n")
    settings = BuilderSettings(
        str(tmp_path / "r"), input=(str(tmp_path / "s.txt"),), vocab_file=VOCABULARY, num_workers=1
    )
    with pytest.raises(ValueError, match="in a sentence file an empty line separates documents"):
        pipeline.build_records(settings)


def test_chinese_case_records_from_end_to_end(tmp_path):
    cases, vocabulary = DATA / "tcm_cases_zh/cases.jsonl.gz", DATA / "bert_vocab_zh/vocab.txt"
    if not (cases.exists() and vocabulary.exists()):
        pytest.skip("needs ../shared/data/tcm_cases_zh and bert_vocab_zh")
    with gzip.open(cases, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in itertools.islice(file, 300)]
    manifest = build(tmp_path, texts, vocab_file=str(vocabulary))
    # Google's Chinese vocabulary is uncased, whatever its rows <S> and <T> look like.
    assert manifest.settings["do_lower_case"] is True
    assert manifest.counts["notes"]["written"] == 300
    # Counted by hand: the first four cases have 10, 2, 8 and 15 sentences.
    cut = [cut_note(text, "corrected", "rules") for text in texts[:4]]
    assert [len(note.lines) for note in cut] == [10, 2, 8, 15]
    assert manifest.counts["unknown_tokens"] / manifest.counts["tokens"] < 0.01
    assert 0.3 < manifest.counts["random_next"] / manifest.counts["instances"] < 0.7
    assert warnings_everywhere(tmp_path, manifest) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

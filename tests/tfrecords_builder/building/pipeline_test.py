"""The whole stage: notes or sentence files to a folder of records."""

import csv
import json
import multiprocessing
import os
import pathlib
import stat

import numpy as np
import pytest
import tensorflow as tf

from tests.support import (
    CASED,
    NOTEEVENTS,
    SENTENCE_FILES,
    UNCASED,
    build_records,
    shard_bytes,
)
from tests.tfrecords_builder.pairing import plain_pairing
from tfrecords_builder import schema, tfrecord_files
from tfrecords_builder.building import documents, records
from tfrecords_builder.building.running import workers
from tfrecords_builder.building.storage.build_folder import BuildFolder
from tfrecords_builder.notes import reading
from tfrecords_builder.text import sections
from tfrecords_builder.tokenization import BertTokenizer


def examples(folder):
    return [
        example
        for path in sorted(folder.glob("part-*"))
        for example in records.read_examples(str(path))
    ]


def table(path, rows):
    columns = ("ROW_ID", "SUBJECT_ID", "HADM_ID", "CATEGORY", "ISERROR", "TEXT")
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])
    return str(path)


@pytest.fixture
def written_files(monkeypatch):
    """Spreads a build's notes over its processes.

    Gives for each build how many files of documents were written, one per process that had notes.
    """
    monkeypatch.setattr(documents, "BATCH_CHARACTERS", 4000)
    # Spawned ones may be ready so late that the first does all the work.
    context = multiprocessing.get_context("fork")
    monkeypatch.setattr(workers, "start_context", lambda: context)
    found = []
    finish = BuildFolder.finish_documents

    def finish_noting(self, counted):
        found.append(len(list(pathlib.Path(self.spill_folder).glob("*.documents"))))
        finish(self, counted)

    monkeypatch.setattr(BuildFolder, "finish_documents", finish_noting)
    return found


def test_a_folder_holds_shards_manifest_and_vocabulary(tmp_path):
    manifest = build_records(tmp_path / "records")
    folder = tmp_path / "records"
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json",
        *(f"part-{i:05d}-of-00004.tfrecord" for i in range(4)),
        "vocab.txt",
    ]
    assert schema.read_manifest(str(folder)) == manifest
    assert (folder / "vocab.txt").read_bytes() == pathlib.Path(CASED).read_bytes()
    assert manifest.vocabulary == {
        "sha256": schema.file_sha256(CASED),
        "size": len(pathlib.Path(CASED).read_text().splitlines()),
    }
    (source,) = manifest.inputs
    assert source["sha256"] == schema.file_sha256(NOTEEVENTS)
    assert manifest.settings["do_lower_case"] is False
    assert manifest.settings["dupe_factor"] == 5
    for shard in manifest.shards:
        path = folder / shard["file"]
        assert shard["bytes"] == path.stat().st_size
        assert shard["instances"] == len(list(tfrecord_files.read_records(str(path))))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert manifest.counts["instances"] == sum(shard["instances"] for shard in manifest.shards)


def test_tensorflow_parses_every_record(tmp_path):
    manifest = build_records(tmp_path, max_seq_length=64, max_predictions_per_seq=9)
    spec = {
        feature.name: tf.io.FixedLenFeature(
            [feature.width], tf.float32 if feature.max_value is None else tf.int64
        )
        for feature in records.record_features(64, 9, manifest.vocabulary["size"])
    }
    files = [str(tmp_path / shard["file"]) for shard in manifest.shards]
    dataset = tf.data.TFRecordDataset(files).batch(100_000)
    parsed = {
        name: value.numpy()
        for name, value in tf.io.parse_example(next(iter(dataset)), spec).items()
    }
    tokenizer = BertTokenizer(CASED, False)
    assert len(parsed["input_ids"]) == manifest.counts["instances"] > 2000
    lengths = parsed["input_mask"].sum(axis=1)
    assert lengths.max() == 64
    predictions = np.minimum(np.maximum(np.rint(lengths * 0.15), 1), 9)
    assert (parsed["masked_lm_weights"].sum(axis=1) == predictions).all()
    rows = np.arange(len(lengths))
    ids = parsed["input_ids"]
    assert (ids[:, 0] == tokenizer.cls_id).all()
    assert (ids[rows, lengths - 1] == tokenizer.sep_id).all()
    assert ids.max() < tokenizer.vocab_size


def test_the_text_of_every_note_is_in_the_records(tmp_path):
    build_records(
        tmp_path, masking="dynamic", short_seq_prob=0.0, max_seq_length=4096, num_shards=2
    )
    tokenizer = BertTokenizer(CASED, False)
    expected = np.zeros(tokenizer.vocab_size, int)
    with open(NOTEEVENTS, newline="") as file:
        for row in csv.DictReader(file):
            for part in sections.split_sections(row["TEXT"]):
                np.add.at(expected, tokenizer.encode(part), 1)
    found = np.zeros(tokenizer.vocab_size, int)
    for example in examples(tmp_path):
        size = example["input_mask"].sum()
        ids = example["input_ids"][:size]
        if example["next_sentence_labels"][0]:
            # B belongs to another document; A alone is this pass over its own.
            ids = ids[: np.flatnonzero(example["segment_ids"])[0]]
        np.add.at(found, ids, 1)
    special = [tokenizer.cls_id, tokenizer.sep_id]
    found[special] = 0
    assert (found == expected).all()


def test_the_records_do_not_depend_on_the_number_of_workers(tmp_path, written_files):
    for count in (1, 2, 3):
        build_records(tmp_path / str(count), num_workers=count)
        assert shard_bytes(tmp_path / "1") == shard_bytes(tmp_path / str(count))
    assert written_files[0] == 1
    assert min(written_files[1:]) > 1


def test_another_seed_gives_other_records(tmp_path):
    build_records(tmp_path / "one")
    build_records(tmp_path / "two", random_seed=2)
    one, two = shard_bytes(tmp_path / "one"), shard_bytes(tmp_path / "two")
    assert one.keys() == two.keys()
    assert all(one[name] != two[name] for name in one)


def test_sentence_files_are_an_input_too(tmp_path):
    manifest = build_records(tmp_path, input=SENTENCE_FILES)
    tokenizer = BertTokenizer(CASED, False)
    expected = [
        document
        for path in SENTENCE_FILES
        for document in plain_pairing.read_documents([path], tokenizer)
    ]
    counts = manifest.counts
    assert counts["notes"]["written"] == len(expected)
    assert counts["sentences"] == sum(map(len, expected))
    assert counts["tokens"] == sum(len(line) for document in expected for line in document)


def test_every_kind_of_source_gives_the_same_documents(tmp_path):
    found = list(reading.read_notes(NOTEEVENTS))
    folder = tmp_path / "folder" / "Nursing"
    folder.mkdir(parents=True)
    with (
        open(tmp_path / "notes.jsonl", "w") as lines,
        open(tmp_path / "discharge.csv", "w") as csv_,
    ):
        writer = csv.writer(csv_)
        writer.writerow(["note_id", "subject_id", "hadm_id", "note_type", "charttime", "text"])
        for note in found:
            lines.write(json.dumps({"note_id": note.note_id, "text": note.text}) + "\n")
            writer.writerow([note.note_id, 1, "", "DS", "", note.text])
            # As bytes: line ends stay as they are.
            (folder / f"{note.note_id}.txt").write_bytes(note.text.encode())
    expected = build_records(tmp_path / "table").counts
    for source in ("notes.jsonl", "discharge.csv", "folder"):
        manifest = build_records(tmp_path / f"records of {source}", input=(str(tmp_path / source),))
        assert manifest.inputs[0]["notes"] == len(found)
        assert manifest.counts["notes"]["written"] == len(found) == expected["notes"]["written"]
        for name in ("sections", "sentences", "tokens"):
            assert manifest.counts[name] == expected[name], source
    # A document's place follows from its id: equal ids, equal records.
    assert shard_bytes(tmp_path / "table") == shard_bytes(tmp_path / "records of notes.jsonl")


def test_notes_and_sentence_files_may_be_mixed(tmp_path):
    notes_alone = build_records(tmp_path / "a").counts
    sentences_alone = build_records(tmp_path / "b", input=SENTENCE_FILES).counts
    mixed = build_records(tmp_path / "c", input=(NOTEEVENTS, *SENTENCE_FILES))
    for name in ("sections", "sentences", "tokens"):
        assert mixed.counts[name] == notes_alone[name] + sentences_alone[name]
    assert [source.get("notes") for source in mixed.inputs] == [80, None, None]


@pytest.mark.parametrize("mode", ["exact", "minhash"])
@pytest.mark.parametrize("count", [1, 3])
def test_copies_of_notes_are_left_out_and_counted(mode, count, tmp_path, written_files):
    found = list(reading.read_notes(NOTEEVENTS))
    rows = [(i, 1, 1, "Nursing", "", note.text) for i, note in enumerate(found)]
    rows += [(900 + i, 1, 1, "Nursing", "", note.text + " \n") for i, note in enumerate(found[:9])]
    long = max(found, key=lambda note: len(note.text)).text
    rows.append((999, 1, 1, "Nursing", "", f"{long}\nAddendum: seen again."))
    path = table(tmp_path / "notes.csv", rows)
    plain = build_records(tmp_path / "plain", input=(path,)).counts["notes"]
    manifest = build_records(
        tmp_path / "records", input=(path,), deduplicate=mode, num_workers=count
    )
    filtered = manifest.counts["notes"]["filtered"]
    assert filtered["exact_copy"] == 9
    assert filtered.get("near_copy", 0) == (mode == "minhash")
    assert manifest.counts["notes"]["written"] == plain["written"] - sum(filtered.values())
    assert manifest.settings["deduplicate"] == mode
    assert (written_files[-1] > 1) == (count > 1)


def test_documents_of_one_id_come_in_one_order_whoever_wrote_them(
    tmp_path, monkeypatch, written_files
):
    monkeypatch.setattr(documents, "BATCH_CHARACTERS", 200)
    words = ("patient", "chest", "stable", "medication")
    rows = [
        (7, 1, 1, "Nursing", "", f"The {word} {i}. Seen today.")
        for i in range(40)
        for word in words
    ]
    path = table(tmp_path / "notes.csv", rows)
    reverse = table(tmp_path / "reverse.csv", rows[::-1])
    build_records(tmp_path / "one", input=(path,), num_shards=1)
    build_records(tmp_path / "two", input=(reverse,), num_shards=1, num_workers=3)
    assert shard_bytes(tmp_path / "one") == shard_bytes(tmp_path / "two")
    assert written_files[0] == 1
    assert written_files[1] > 1


def test_every_note_is_accounted_for(tmp_path, monkeypatch):
    path = table(
        tmp_path / "notes.csv",
        [
            (1, 10, 100, "Nursing", "", "The patient was seen. He is stable."),
            (2, 10, 100, "Nursing", "1", "An error."),
            (3, 11, 101, "Radiology", "", "The chest is clear."),
            (4, 12, 102, "Nursing", "", " \n "),
            (5, 13, 103, "Nursing", "", "The plan is unchanged."),
            (6, 14, 104, "Nursing", "", "No pain today."),
            (7, 15, 105, "Nursing", "", "Secret note that raises."),
            (8, 16, 106, "Nursing", "", "\u200b\u200b"),
        ],
    )
    split = sections.split_sections

    def split_or_raise(text, rules):
        if "raises" in text:
            raise IndexError(text)
        return split(text, rules)

    monkeypatch.setattr(sections, "split_sections", split_or_raise)
    (tmp_path / "subjects").write_text("13\n")
    manifest = build_records(
        tmp_path / "records",
        input=(path,),
        categories=("nursing",),
        exclude_subjects=str(tmp_path / "subjects"),
        sections="as_published",
    )
    assert manifest.counts["notes"] == {
        "read": 8,
        "written": 2,
        "empty": 2,
        "filtered": {"marked_as_error": 1, "other_category": 1, "excluded_subject": 1},
        "failed": 1,
    }
    assert manifest.failed_notes == [
        {"note_id": "7", "reason": "sections=as_published: IndexError"}
    ]
    assert "Secret" not in (tmp_path / "records" / "manifest.json").read_text()
    assert manifest.settings["exclude_subjects"]["sha256"] == schema.file_sha256(
        str(tmp_path / "subjects")
    )


def test_dynamic_records_are_unmasked_single_passes(tmp_path):
    build_records(tmp_path / "dynamic", masking="dynamic")
    build_records(tmp_path / "static", dupe_factor=1)
    dynamic, static = examples(tmp_path / "dynamic"), examples(tmp_path / "static")
    mask = BertTokenizer(CASED, False).mask_id
    assert len(dynamic) > 400
    for example in dynamic:
        assert set(example) == {
            "input_ids",
            "input_mask",
            "segment_ids",
            "next_sentence_labels",
        }
        assert mask not in example["input_ids"]
    assert len(dynamic) == pytest.approx(len(static), rel=0.1)
    assert any(mask in example["input_ids"] for example in static)


def test_gzip_shards_hold_the_same_records(tmp_path):
    build_records(tmp_path / "gzip", compression="gzip")
    build_records(tmp_path / "none")
    assert [path.name for path in sorted((tmp_path / "gzip").glob("part-*"))] == [
        f"part-{i:05d}-of-00004.tfrecord.gz" for i in range(4)
    ]
    for compressed, plain in zip(
        sorted((tmp_path / "gzip").glob("part-*")),
        sorted((tmp_path / "none").glob("part-*")),
        strict=True,
    ):
        found = tf.data.TFRecordDataset(str(compressed), compression_type="GZIP")
        expected = tf.data.TFRecordDataset(str(plain))
        assert [r.numpy() for r in found] == [r.numpy() for r in expected]


def test_no_segment_pairs_with_its_own_document_in_tiny_shards(tmp_path):
    # Words that tell the document: with 30 shards most hold one document or none.
    words = [word for word in pathlib.Path(CASED).read_text().splitlines() if word.isalpha()]
    used = [word for word in words if len(word) > 3][:12]
    rows = [(i, i, i, "Nursing", "", ". ".join([word] * 30)) for i, word in enumerate(used, 1)]
    path = table(tmp_path / "notes.csv", rows)
    build_records(tmp_path / "records", input=(path,), masking="dynamic", num_shards=30)
    tokenizer = BertTokenizer(CASED, False)
    ids = {tokenizer.vocab[word] for word in used}
    seen = 0
    for example in examples(tmp_path / "records"):
        segment = example["segment_ids"].astype(bool)
        a, b = (set(example["input_ids"][part].tolist()) & ids for part in (~segment, segment))
        assert (len(a), len(b)) == (1, 1)
        assert (a != b) == bool(example["next_sentence_labels"][0])
        seen += 1
    assert seen >= 12


@pytest.mark.parametrize(("vocab_file", "lower"), [(CASED, True), (UNCASED, False)])
def test_casing_that_was_asked_for_wins_with_a_warning(vocab_file, lower, tmp_path, caplog):
    assert (
        build_records(tmp_path, vocab_file=vocab_file, do_lower_case=lower).settings[
            "do_lower_case"
        ]
        is lower
    )
    assert f"its vocabulary shows do_lower_case={not lower}" in caplog.text


def test_casing_comes_from_the_vocabulary(tmp_path):
    assert build_records(tmp_path / "a", vocab_file=UNCASED).settings["do_lower_case"] is True
    assert build_records(tmp_path / "b", vocab_file=CASED).settings["do_lower_case"] is False


def test_a_vocabulary_that_shows_no_casing_needs_the_setting(tmp_path):
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "1", "2"]))
    with pytest.raises(ValueError, match="Say do_lower_case=True or"):
        build_records(tmp_path / "a", vocab_file=str(vocab))
    manifest = build_records(tmp_path / "b", vocab_file=str(vocab), do_lower_case=True)
    assert manifest.settings["do_lower_case"] is True


def test_input_without_a_vocabulary_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="--vocab_file with --input, received none"):
        build_records(tmp_path, vocab_file=None)


def test_one_note_alone_is_an_error(tmp_path):
    path = table(tmp_path / "notes.csv", [(1, 1, 1, "Nursing", "", "The patient was seen.")])
    with pytest.raises(ValueError, match=r"at least two notes .* received 1 of 1 read"):
        build_records(tmp_path / "records", input=(path,))


def test_a_missing_input_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        build_records(tmp_path, input=("nothing.csv",))


def test_the_embedded_default_invents_notes_and_learns_a_vocabulary(tmp_path):
    # What a user keeps in the folder is not the embedded default's to replace.
    (tmp_path / "NOTEEVENTS.csv.gz").write_bytes(b"mine")
    manifest = build_records(
        tmp_path, input=(), vocab_file=None, synthetic_notes=60, synthetic_vocab_size=400
    )
    assert manifest.counts["notes"]["read"] == 60
    assert manifest.vocabulary["size"] <= 400
    assert manifest.inputs[0]["path"] == str(tmp_path / "invented" / "NOTEEVENTS.csv.gz")
    assert (tmp_path / "NOTEEVENTS.csv.gz").read_bytes() == b"mine"
    assert manifest.vocabulary["sha256"] == schema.file_sha256(str(tmp_path / "vocab.txt"))
    assert manifest.counts["instances"] > 100


def test_a_refused_embedded_default_leaves_finished_records_as_they_are(tmp_path):
    build_records(tmp_path, input=(), vocab_file=None, synthetic_notes=60, synthetic_vocab_size=400)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(FileNotFoundError, match="missing"):
        build_records(
            tmp_path, input=(), vocab_file=None, synthetic_notes=70, synthetic_vocab_size=300,
            overwrite=True, exclude_subjects=str(tmp_path / "missing.txt"),
        )  # fmt: skip
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_bucket_is_refused_by_the_local_runner(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"received gs://bucket/records.*--runner=beam"):
        build_records("gs://bucket/records")
    assert os.listdir(tmp_path) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import dataclasses
import os
import pathlib
import shutil

import numpy as np
import pytest

from tests.support import GOLDEN
from tfrecords_builder import schema, tokenization
from tfrecords_builder.building import pipeline, records
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.inspection import inspection

CASED = str(GOLDEN / "pretraining_data" / "cased_128.tfrecord.gz")
VOCABULARY = str(GOLDEN / "vocab" / "cased.txt")
NOTES = str(GOLDEN / "notes" / "NOTEEVENTS.csv")


def build(output_dir, **changes):
    settings = {
        "input": (NOTES,),
        "vocab_file": VOCABULARY,
        "max_seq_length": 64,
        "max_predictions_per_seq": 10,
        "dupe_factor": 1,
        "num_shards": 3,
        "num_workers": 1,
    }
    return pipeline.build_records(BuilderSettings(output_dir=str(output_dir), **settings | changes))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "records"
    build(folder)
    return folder


@pytest.fixture
def folder(built, tmp_path):
    """A copy that a test may damage."""
    return pathlib.Path(shutil.copytree(built, tmp_path / "records"))


def change_manifest(folder, **changes):
    manifest = schema.read_manifest(str(folder))
    schema.write_manifest(str(folder), dataclasses.replace(manifest, **changes))


def disagreements(folder, **kwargs):
    return inspection.inspect_records([str(folder)], num_workers=1, **kwargs).disagreements


def test_what_was_built_agrees_with_its_manifest(built):
    found = inspection.inspect_records([str(built)])
    assert found.disagreements == []
    assert found.statistics.instances == found.manifest.counts["instances"] > 100
    assert len(found.statistics.files) == 3
    assert found.mask_id == 4
    rows = dict(found.rows())
    assert rows["max_seq_length"] == "64"
    assert rows["instances"] == f"{found.statistics.instances:,}"
    assert float(rows["predicted, % of the tokens"]) == pytest.approx(15, abs=0.7)
    assert float(rows["  [MASK], % of the predictions"]) == pytest.approx(80, abs=3)
    assert rows["wordpieces used"].endswith(" of 1,200")


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_dynamic_masking_records_agree_with_their_manifest(tmp_path, compression):
    build(tmp_path / "records", masking="dynamic", compression=compression, dupe_factor=None)
    found = inspection.inspect_records([str(tmp_path / "records")])
    assert found.disagreements == []
    assert found.statistics.max_predictions_per_seq is None
    assert dict(found.rows())["masking"].startswith("dynamic")


def test_several_processes_count_what_one_counts(built, monkeypatch):
    one = inspection.inspect_records([str(built)], num_workers=1)
    monkeypatch.setattr(inspection, "BYTES_A_WORKER", 1)
    two = inspection.inspect_records([str(built)], num_workers=2)
    assert two.rows() == one.rows()
    assert list(two.statistics.files.items()) == list(one.statistics.files.items())
    assert np.array_equal(two.statistics.lengths, one.statistics.lengths)


def test_wrong_counts_in_the_manifest_are_named(folder):
    manifest = schema.read_manifest(str(folder))
    shards = [dict(shard) for shard in manifest.shards]
    shards[1]["instances"] += 1
    counts = manifest.counts | {"instances": 7}
    change_manifest(folder, shards=shards, counts=counts)
    found = disagreements(folder)
    assert len(found) == 2
    assert "Expected instances 7 in" in found[0]
    assert f"received {manifest.counts['instances']} in the records" in found[0]
    assert f"instances of {shards[1]['file']} {shards[1]['instances']}" in found[1]


def test_wrong_shapes_in_the_manifest_are_named(folder):
    manifest = schema.read_manifest(str(folder))
    change_manifest(
        folder, settings=manifest.settings | {"max_seq_length": 128, "masking": "dynamic"}
    )
    lengths, predictions = disagreements(folder)
    assert "max_seq_length 128" in lengths and "received 64" in lengths
    assert "max_predictions_per_seq None" in predictions and "received 10" in predictions


def test_missing_and_additional_shards_are_named(folder):
    os.rename(folder / "part-00001-of-00003.tfrecord", folder / "part-00009-of-00003.tfrecord")
    found = "\n".join(disagreements(folder))
    assert "Expected part-00001-of-00003.tfrecord" in found
    assert "Expected no part-00009-of-00003.tfrecord" in found


def test_another_vocabulary_is_named(folder):
    with open(folder / "vocab.txt", "a", encoding="utf-8") as file:
        file.write("additional\n")
    digest, size = disagreements(folder)
    assert "vocabulary's sha256" in digest
    assert "vocabulary's size 1200" in size and "received 1201" in size


def test_ids_beyond_a_small_vocabulary_are_named(tmp_path):
    small = tmp_path / "vocab.txt"
    small.write_text("\n".join([*tokenization.SPECIAL_TOKENS, "a"]), encoding="utf-8")
    found = inspection.inspect_records([CASED], str(small))
    assert len(found.disagreements) == 1
    assert "ids below the vocabulary's 6" in found.disagreements[0]


def test_broken_rule_is_a_disagreement(tmp_path):
    features = records.record_features(8, 2, 100)
    block = {
        "input_ids": np.array([[2, 4, 3, 9, 3, 0, 0, 0]]),
        "input_mask": np.array([[1, 1, 1, 1, 1, 0, 0, 0]]),
        "segment_ids": np.array([[0, 0, 0, 1, 1, 0, 0, 0]]),
        "masked_lm_positions": np.array([[7, 0]]),
        "masked_lm_ids": np.array([[8, 0]]),
        "masked_lm_weights": np.array([[1, 0]], np.float32),
        "next_sentence_labels": np.array([[0]]),
    }
    path = str(tmp_path / "r.tfrecord")
    with records.RecordWriter(path, features) as writer:
        writer.write(block)
    (found,) = inspection.inspect_records([path]).disagreements
    assert "masked_lm_positions lie between" in found
    assert f"1 instances where this is not so, first {path}, record 0" in found


def test_unfinished_build_is_named(folder):
    (folder / "manifest.json").unlink()
    assert disagreements(folder) == []
    (folder / ".unfinished").mkdir()
    (found,) = disagreements(folder)
    assert "unfinished build" in found


def test_plain_files_need_neither_manifest_nor_vocabulary():
    found = inspection.inspect_records([str(pathlib.Path(CASED).with_name("two_outputs_*"))])
    assert (found.manifest, found.vocabulary, found.disagreements) == (None, None, [])
    rows = dict(found.rows())
    assert rows["files"] == "2"
    assert "  [MASK] (taken to be id 4), % of the predictions" in rows


def test_empty_shard_counts_as_no_instances(tmp_path):
    build(tmp_path / "records", num_shards=200)
    found = inspection.inspect_records([str(tmp_path / "records")])
    assert found.disagreements == []
    assert len(found.statistics.files) == 200
    assert 0 in found.statistics.files.values()


def test_folder_and_files_without_records_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected \.tfrecord"):
        inspection.inspect_records([str(tmp_path)])
    with pytest.raises(FileNotFoundError, match="received none"):
        inspection.inspect_records([str(tmp_path / "*.tfrecord")])
    (tmp_path / "empty.tfrecord").touch()
    with pytest.raises(ValueError, match="Expected records in 1 files"):
        inspection.inspect_records([str(tmp_path)])


def test_instances_are_shown_with_their_predictions():
    vocabulary = tokenization.load_vocabulary(VOCABULARY)
    lines = list(inspection.instance_lines([CASED], vocabulary, 3))
    assert len(lines) == 6
    examples = list(records.read_examples(CASED))[:3]
    rows = {row: token for token, row in vocabulary.items()}
    for head, text, example in zip(lines[::2], lines[1::2], examples, strict=True):
        tokens = text.split()
        assert f"{len(tokens)} tokens, {text.count('{')} predictions" in head
        assert ("random" in head) == bool(example["next_sentence_labels"][0])
        for i in range(int(example["masked_lm_weights"].sum())):
            position, original = example["masked_lm_positions"][i], example["masked_lm_ids"][i]
            shown = rows[int(example["input_ids"][position])]
            assert tokens[position] == f"{{{rows[int(original)]}>{shown}}}"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

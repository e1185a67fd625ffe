"""Planted secrets: in the records as often as said, and for the owner only."""

import collections
import json
import os
import stat

import pytest

from tests import support
from tfrecords_builder import tfrecord_files
from tfrecords_builder.building import canaries, pipeline
from tfrecords_builder.building.settings import MAX_CANARIES, BuilderSettings
from tfrecords_builder.building.storage import wire
from tfrecords_builder.notes.reading import read_notes
from tfrecords_builder.tokenization import BertTokenizer

VOCABULARY = str(support.GOLDEN / "vocab" / "cased.txt")


def build(folder, **settings):
    path = folder.parent / "notes.jsonl"
    lines = (json.dumps({"note_id": n, "text": "He has pain. No fever."}) for n in range(5))
    path.write_text("\n".join(lines))
    given = {"num_shards": 1, "num_workers": 1, "vocab_file": VOCABULARY, "masking": "dynamic"}
    settings = given | {"input": (str(path),)} | settings
    return pipeline.build_records(BuilderSettings(str(folder), **settings))


def test_secrets_are_distinct_and_follow_from_the_seed():
    made = canaries.invent(5, 3, seed=1)
    assert made == canaries.invent(5, 3, seed=1) != canaries.invent(5, 3, seed=2)
    assert [one.repeats for one in made] == [3] * 5 + [0] * 5
    assert len({one.name for one in made}) == len({one.secret for one in made}) == 10
    assert len(canaries.invent(canaries.MOST, 1, 1)) == 2 * MAX_CANARIES == 2 * canaries.MOST


def test_digits_are_equally_likely():
    digits = collections.Counter(
        digit for seed in range(50) for one in canaries.invent(50, 1, seed) for digit in one.secret
    )
    del digits[" "]
    assert digits.total() == 50 * 100 * canaries.DIGITS
    assert all(abs(number / digits.total() - 0.1) < 0.01 for number in digits.values())


def test_records_hold_each_planted_secret_and_no_other(tmp_path):
    manifest = build(tmp_path / "r", canaries=3, canary_repeats=2, max_seq_length=512)
    assert (manifest.settings["canaries"], manifest.settings["canary_repeats"]) == (3, 2)
    assert [described["notes"] for described in manifest.inputs] == [5, 6]
    path = tmp_path / "r" / "invented" / canaries.RECORD_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    record = json.loads(path.read_text())
    assert len(record["canaries"]) == 6
    # Nothing of a secret stands in the manifest.
    text = (tmp_path / "r" / "manifest.json").read_text()
    assert not any(one["name"] in text for one in record["canaries"])
    notes = [note.text for note in read_notes(str(tmp_path / "r/invented/canaries.jsonl"))]
    tokenizer = BertTokenizer(VOCABULARY, False)
    (shard,) = (tmp_path / "r").glob("*.tfrecord")
    inputs = [
        " ".join(map(str, wire.decode_example(data)["input_ids"]))
        for data in tfrecord_files.read_records(str(shard))
    ]
    for one in record["canaries"]:
        assert sum(one["sentence"] in text for text in notes) == one["repeats"]
        wordpieces = " ".join(map(str, tokenizer.encode(one["secret"] + ".")))
        assert any(wordpieces in ids for ids in inputs) == bool(one["repeats"])


def test_filters_leave_canaries_in(tmp_path):
    listed = tmp_path / "subjects"
    listed.write_text("7\n")
    table = tmp_path / "notes.csv"
    table.write_text(
        "note_id,subject_id,category,text\n"
        + "".join(f"{number},{number},ECG,He has pain. No fever.\n" for number in range(9))
    )
    manifest = build(
        tmp_path / "r",
        input=(str(table),),
        canaries=2,
        categories=("ECG",),
        exclude_subjects=str(listed),
    )
    assert manifest.counts["notes"]["written"] == 8 + 2 * 4


def test_without_canaries_nothing_changes(tmp_path):
    manifest = build(tmp_path / "r")
    assert "canaries" not in manifest.settings and "canary_repeats" not in manifest.settings
    assert not os.path.exists(tmp_path / "r" / "invented")


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="canaries <= 200, received 201"):
        BuilderSettings("r", canaries=201)
    with pytest.raises(ValueError, match="canary_repeats >= 1"):
        BuilderSettings("r", canary_repeats=0)
    with pytest.raises(ValueError, match="an --output_dir of this machine with --canaries"):
        canaries.plant(BuilderSettings("gs://bucket/r", canaries=1))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

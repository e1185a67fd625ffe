import collections
import json
import os
import pathlib
import random

import pytest

from tests.support import CASED, NOTEEVENTS
from tfrecords_builder import schema
from tfrecords_builder.building import pipeline
from tfrecords_builder.building.cluster import build, steps
from tfrecords_builder.building.document_encoder import DocumentEncoder
from tfrecords_builder.building.settings import BuilderSettings
from tfrecords_builder.building.storage import spill


def settings(output_dir, **changes):
    values = {
        "input": (NOTEEVENTS,),
        "vocab_file": CASED,
        "max_seq_length": 64,
        "num_shards": 3,
        "dupe_factor": 1,
        "num_workers": 1,
    }
    return BuilderSettings(output_dir=str(output_dir), **values | changes)


def row(key):
    return key.to_bytes(8, "big"), 1, 1, b"x"


@pytest.mark.parametrize("count", [0, 5, 10, 11, 200])
def test_smallest_keys_are_those_of_a_full_sort(count, monkeypatch):
    monkeypatch.setattr(spill, "RESERVE_DOCUMENTS", 10)
    chance = random.Random(count)
    placed = [(number % 3, row(chance.randrange(1 << 64))) for number in range(count)]
    expected = sorted(placed, key=lambda one: one[1][0])[:10]
    assert sorted(steps.smallest_keys(placed), key=lambda one: one[1][0]) == expected
    parts = [steps.smallest_keys(placed[start::4]) for start in range(4)]
    merged = steps.smallest_keys([one for part in parts for one in part])
    assert sorted(merged, key=lambda one: one[1][0]) == expected


def test_documents_that_share_the_last_smallest_key_are_all_kept(monkeypatch):
    monkeypatch.setattr(spill, "RESERVE_DOCUMENTS", 3)
    placed = [(0, row(key)) for key in [9, 5, 1, 5, 5, 8, 2, 7]]
    kept = steps.smallest_keys(placed)
    assert sorted(int.from_bytes(one[1][0], "big") for one in kept) == [1, 2, 5, 5, 5]


def run_in_any_order(settings, tokenizer, plan, scratch):
    """An engine that hands everything on in a random order and runs every step twice."""
    chance = random.Random(3)
    encoder, maker = DocumentEncoder(settings, tokenizer), steps.ShardMaker.of(settings, tokenizer)
    found = [
        one for work in steps.list_work(settings) for one in steps.Reader.of(settings).read(work)
    ]
    for kind, value in list(found):
        if kind == steps.BATCH:
            list(steps.encode(encoder, value))
            found += steps.encode(encoder, value)
    chance.shuffle(found)
    documents = [value for kind, value in found if kind == steps.DOCUMENT]
    by_shard = collections.defaultdict(list)
    for shard, document in documents:
        by_shard[shard].append(document)
    reserve = steps.smallest_keys(documents)
    shards = [*range(settings.num_shards)] * 2
    chance.shuffle(shards)
    built = dict((shard, maker.make(shard, by_shard[shard], reserve)) for shard in shards)
    counted = [one for one in found if one[0] not in (steps.BATCH, steps.DOCUMENT)]
    counted += [(steps.BUILT, one) for one in built.items()]
    chance.shuffle(counted)
    steps.ManifestWriter.of(settings, plan).write(counted)


def test_order_and_repeated_steps_change_nothing(tmp_path):
    expected = pipeline.build_records(settings(tmp_path / "local"))
    assert build.build_records(settings(tmp_path / "engine"), run_in_any_order) == expected
    for shard in expected.shards:
        name = shard["file"]
        assert (tmp_path / "engine" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
    assert sorted(os.listdir(tmp_path / "engine")) == sorted(os.listdir(tmp_path / "local"))


def test_a_worker_in_another_folder_reads_and_writes_the_same_files(tmp_path, monkeypatch):
    (tmp_path / "notes.csv").write_bytes(pathlib.Path(NOTEEVENTS).read_bytes())
    monkeypatch.chdir(tmp_path)
    relative = settings("records", input=("notes.csv",))
    (work,) = steps.list_work(relative)
    reader, output_dir = steps.Reader.of(relative), steps.place_output(relative).output_dir
    monkeypatch.chdir("/")
    inputs = [value for kind, value in reader.read(work) if kind == steps.INPUT]
    # The manifest names the input as its user did.
    assert [(number, described["path"]) for number, described in inputs] == [(0, "notes.csv")]
    assert output_dir == str(tmp_path / "records")


def test_a_failed_engine_leaves_no_manifest_and_no_finished_build(tmp_path):
    def fail(*_):
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        build.build_records(settings(tmp_path), fail)
    assert not (tmp_path / schema.MANIFEST_NAME).exists()
    built = build.build_records(settings(tmp_path), run_in_any_order)
    with open(tmp_path / schema.MANIFEST_NAME, encoding="utf-8") as file:
        assert json.load(file)["counts"] == built.counts


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

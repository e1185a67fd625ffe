"""Tokenized documents on disk between the steps."""

import collections
import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest

from tests import support
from tfrecords_builder import files
from tfrecords_builder.building.storage import shard_documents, spill


def encoded(number, sentences, shards=4, vocab_size=1000, seed=0):
    lengths = np.array([len(sentence) for sentence in sentences])
    ids = np.array([token for sentence in sentences for token in sentence], np.int32)
    return spill.encode_document(
        f"0#{number}",
        ids,
        lengths,
        random_seed=seed,
        num_shards=shards,
        vocab_size=vocab_size,
    )


def corpus(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        [rng.integers(5, 1000, size).tolist() for size in rng.integers(1, 9, rng.integers(1, 6))]
        for _ in range(count)
    ]


def written(folder, documents, shards=4, order=None, vocab_size=1000, batch=100):
    """Spills documents; returns how many there are."""
    folder.mkdir()
    index = spill.SpillIndex(str(folder), shards)
    order = list(order if order is not None else range(len(documents)))
    for start in range(0, len(order), batch):
        some = [
            encoded(number, documents[number], shards, vocab_size)
            for number in order[start : start + batch]
        ]
        index.add(spill.append_documents(str(folder), some))
    return sum(index.close())


def documents_of(pool, first=0, last=None):
    found = []
    for number in range(first, len(pool.document_starts) - 1 if last is None else last):
        begin, end = pool.document_starts[number : number + 2]
        found.append(
            [
                pool.tokens[pool.sentence_starts[i] : pool.sentence_starts[i + 1]].tolist()
                for i in range(begin, end)
            ]
        )
    return found


def read_all(folder, shards=4, pool_documents=16384, vocab_size=1000):
    found = []
    for shard in range(shards):
        stored = shard_documents.ShardDocuments(
            str(folder), shard, pool_documents, 1 << 24, vocab_size
        )
        for number in range(stored.pools):
            pool = stored.pool(number)
            found.append(documents_of(pool, last=pool.own))
    return found


@pytest.mark.parametrize("vocab_size", [1000, 100_000])
def test_every_document_is_in_one_shard_unchanged(vocab_size, tmp_path):
    documents = corpus(300)
    documents[7] = [[vocab_size - 1, 5]]
    assert written(tmp_path / "spill", documents, vocab_size=vocab_size) == 300
    found = [
        document
        for pool in read_all(tmp_path / "spill", vocab_size=vocab_size)
        for document in pool
    ]
    assert sorted(found) == sorted(documents)
    assert found != documents


def test_shards_do_not_depend_on_the_order_of_arrival(tmp_path, monkeypatch):
    documents = corpus(200)
    written(tmp_path / "a", documents)
    order = np.random.default_rng(3).permutation(200).tolist()
    # Another flush size besides: many small appends.
    monkeypatch.setattr(spill, "BUFFERED_BYTES", 100)
    written(tmp_path / "b", documents, order=order, batch=3)
    assert read_all(tmp_path / "a") == read_all(tmp_path / "b")


def test_documents_spread_evenly_and_anew_with_each_seed():
    places = [spill.place_of(f"0#{i}", 1, 8) for i in range(8000)]
    counts = collections.Counter(shard for shard, _ in places)
    assert sorted(counts) == list(range(8))
    assert max(counts.values()) < 1150
    assert len({key for _, key in places}) == 8000
    moved = sum(spill.place_of(f"0#{i}", 2, 8)[0] != places[i][0] for i in range(8000))
    assert moved / 8000 == pytest.approx(7 / 8, abs=0.02)


def test_sentences_without_tokens_are_left_out_and_documents_without_are_none():
    document = encoded(0, [[5, 6], [], [7]])
    assert (document.sentences, document.tokens) == (2, 3)
    assert encoded(0, [[], []]) is None


def test_a_small_pool_borrows_from_the_whole_corpus(tmp_path):
    documents = corpus(60)
    written(tmp_path / "spill", documents, shards=16)
    for shard in range(16):
        stored = shard_documents.ShardDocuments(
            str(tmp_path / "spill"), shard, 16384, 1 << 24, 1000
        )
        if len(stored):
            pool = stored.pool(0)
            assert pool.own == len(stored) < 60
            assert sorted(documents_of(pool)) == sorted(documents)


def test_the_reserve_is_bounded_and_the_same_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(spill, "RESERVE_DOCUMENTS", 10)
    documents = corpus(100)
    written(tmp_path / "a", documents, shards=30)
    written(tmp_path / "b", documents, shards=30, order=range(99, -1, -1))
    lent = []
    for folder in "ab":
        pools = [
            stored.pool(0)
            for shard in range(30)
            if len(
                stored := shard_documents.ShardDocuments(
                    str(tmp_path / folder), shard, 99, 1 << 24, 1000
                )
            )
        ]
        assert all(len(pool.document_starts) - 1 <= pool.own + 10 for pool in pools)
        lent.append([documents_of(pool, first=pool.own) for pool in pools])
    assert lent[0] == lent[1]
    assert len({str(document) for pool in lent[0] for document in pool}) == 10


def test_a_batch_without_documents_adds_nothing(tmp_path):
    folder = str(tmp_path)
    index = spill.SpillIndex(folder, 4)
    index.add(spill.append_documents(folder, []))
    index.add(spill.append_documents(folder, [encoded(0, [[5, 6]]), encoded(1, [[7]])]))
    index.add(spill.append_documents(folder, []))
    assert sum(index.close()) == 2
    assert sorted(document for pool in read_all(tmp_path) for document in pool) == [[[5, 6]], [[7]]]


def test_files_are_for_their_owner_only(tmp_path):
    written(tmp_path / "spill", corpus(20))
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in (tmp_path / "spill").iterdir()}
    assert modes == {0o600}


def test_all_files_are_on_the_disk_itself_when_it_is_closed(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def note(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", note)
    written(tmp_path / "spill", corpus(20), batch=5)
    on_disk = [str(path) for path in (tmp_path / "spill").iterdir()]
    assert sorted(synced) == sorted([*on_disk, str(tmp_path / "spill")])


def test_a_full_disk_is_named(tmp_path):
    """The limit of a file's size stands for the disk's."""
    program = (
        "import resource, sys, numpy\n"
        "from tfrecords_builder.building.storage import spill\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "ids = numpy.arange(1000)\n"
        "document = spill.encode_document('0#1', ids, numpy.array([1000]), random_seed=1,\n"
        "    num_shards=1, vocab_size=1000)\n"
        "try:\n"
        "    spill.append_documents(sys.argv[1], [document])\n"
        "except OSError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=support.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = rf"Expected to write {tmp_path}/\d+\.documents, received 'File too large'\. Free "
    assert re.search(expected, done.stdout)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""A shard's spilled documents, a pool at a time."""

import os
import pathlib

import numpy as np
import pytest

from tfrecords_builder.building.storage import shard_documents, spill

VOCABULARY = 1000


def spilled(folder, sizes, shards=1):
    """Spills one document of each size, in tokens; returns how many each shard has."""
    documents = [
        spill.encode_document(
            f"0#{number}",
            np.full(size, 5),
            np.array([size]),
            random_seed=0,
            num_shards=shards,
            vocab_size=VOCABULARY,
        )
        for number, size in enumerate(sizes)
    ]
    index = spill.SpillIndex(str(folder), shards)
    index.add(spill.append_documents(str(folder), documents))
    return index.close()


def read(folder, shard=0, pool_documents=16384, pool_tokens=1 << 24, documents=None):
    return shard_documents.ShardDocuments(
        str(folder), shard, pool_documents, pool_tokens, VOCABULARY, documents
    )


def pools_of(stored):
    """The sizes of the documents of each pool, in tokens."""
    pools = [stored.pool(number) for number in range(stored.pools)]
    return [np.diff(pool.sentence_starts)[: pool.own].tolist() for pool in pools]


def test_pools_are_bounded_by_documents_and_by_tokens(tmp_path):
    assert spilled(tmp_path, [100] * 100) == [100]
    assert list(map(len, pools_of(read(tmp_path, pool_documents=30)))) == [25] * 4
    assert list(map(len, pools_of(read(tmp_path, pool_documents=1000, pool_tokens=2000)))) == (
        [20] * 5
    )
    assert len(read(tmp_path)) == 100


@pytest.mark.parametrize("seed", range(5))
def test_no_pool_has_more_tokens_than_the_bound_however_long_documents_are(seed, tmp_path):
    rng = np.random.default_rng(seed)
    # Most are short, a few take most of a pool.
    sizes = (10 * rng.pareto(0.8, 400) + 1).clip(max=900).astype(int)
    spilled(tmp_path, sizes.tolist())
    pools = pools_of(read(tmp_path, pool_documents=50, pool_tokens=1000))
    assert max(map(sum, pools)) <= 1000
    assert max(map(len, pools)) <= 50
    assert sorted(size for pool in pools for size in pool) == sorted(sizes.tolist())
    # Filled one after the other there are no fewer; none of them is a small rest.
    fewest, tokens, documents = 1, 0, 0
    for size in (size for pool in pools for size in pool):
        if tokens + size > 1000 or documents == 50:
            fewest, tokens, documents = fewest + 1, 0, 0
        tokens, documents = tokens + size, documents + 1
    assert len(pools) == fewest


def test_pools_are_of_about_equal_size(tmp_path):
    rng = np.random.default_rng(0)
    spilled(tmp_path, rng.integers(1, 30, 1100).tolist())
    sums = list(map(sum, pools_of(read(tmp_path, pool_documents=10_000, pool_tokens=5000))))
    # Filled one after the other the last would have a few tokens only.
    assert len(sums) == 4
    assert min(sums) > 0.9 * max(sums)


def test_a_document_above_the_bound_is_a_pool_of_its_own(tmp_path):
    spilled(tmp_path, [10, 10, 5000, 10, 10])
    pools = pools_of(read(tmp_path, pool_tokens=100))
    assert [5000] in pools
    assert sorted(size for pool in pools for size in pool) == [10, 10, 10, 10, 5000]


def test_an_empty_shard_has_no_pool(tmp_path):
    counts = spilled(tmp_path, [3, 4], shards=50)
    assert sum(counts) == 2
    pools = [read(tmp_path, shard, documents=counts[shard]).pools for shard in range(50)]
    assert sorted(pools)[:48] == [0] * 48


@pytest.mark.parametrize("lost", [24, 40, 400])
def test_an_index_that_lost_documents_is_an_error(lost, tmp_path):
    (count,) = spilled(tmp_path, [10] * 100)
    assert len(read(tmp_path, documents=count)) == 100
    path = tmp_path / "shard-00000.index"
    os.truncate(path, path.stat().st_size - lost)
    expected = rf"Expected 100 documents .* in {path}, received \d\d: .*Remove {tmp_path}, then"
    with pytest.raises(ValueError, match=expected):
        read(tmp_path, documents=count)


def test_a_missing_index_is_an_error(tmp_path):
    (count,) = spilled(tmp_path, [10] * 9)
    (tmp_path / "shard-00000.index").unlink()
    with pytest.raises(ValueError, match=r"Expected 9 documents .* received 0"):
        read(tmp_path, documents=count)


def test_documents_that_lost_their_end_are_an_error(tmp_path):
    spilled(tmp_path, [10] * 9)
    path = next(pathlib.Path(tmp_path).glob("*.documents"))
    os.truncate(path, path.stat().st_size - 5)
    with pytest.raises(ValueError, match=rf"Expected 24 bytes .* in {path}, received 19: "):
        read(tmp_path).pool(0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import random

import numpy as np
import pytest

from tfrecords_builder.notes.duplicates import minhash

WORDS = [f"word{i}" for i in range(3000)]


def shingles(words):
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def jaccard(words, others):
    mine, theirs = shingles(words), shingles(others)
    return len(mine & theirs) / len(mine | theirs)


def edited(words, rng, changes):
    """A copy with some words replaced."""
    copy = list(words)
    for _ in range(changes):
        copy[rng.randrange(len(copy))] = rng.choice(WORDS)
    return copy


def index(threshold=0.8, memory_bytes=1 << 20):
    return minhash.SignatureIndex(96, threshold, memory_bytes, seed=1)


def test_equal_bytes_estimate_the_jaccard_similarity_without_bias():
    rng = random.Random(5)
    hasher = minhash.MinHasher(96, 3, seed=1)
    errors, variances = [], []
    for _ in range(600):
        words = rng.choices(WORDS, k=rng.choice([40, 200, 700]))
        copy = edited(words, rng, int(len(words) * rng.choice([0.02, 0.05, 0.1, 0.3])))
        truth = jaccard(words, copy)
        equal = np.mean(hasher.signature(words) == hasher.signature(copy))
        errors.append((equal - 1 / 256) / (1 - 1 / 256) - truth)
        variances.append(truth * (1 - truth) / 96)
    deviation = np.sqrt(np.mean(variances))
    assert abs(np.mean(errors)) < 4 * deviation / np.sqrt(len(errors))
    assert 0.85 * deviation < np.std(errors) < 1.15 * deviation


def test_signature_counts_a_repeated_shingle_once_and_minds_the_order():
    hasher = minhash.MinHasher(96, 3, seed=1)
    words = WORDS[:30]
    # Twice the text has the shingles of once and two more across the seam.
    twice = hasher.signature(words + words)
    assert np.mean(twice == hasher.signature(words)) > 0.8
    assert np.mean(hasher.signature(words[::-1]) == hasher.signature(words)) < 0.1


def test_text_shorter_than_a_shingle_has_a_signature_of_its_own():
    hasher = minhash.MinHasher(96, 3, seed=1)
    one, other = hasher.signature(["stable"]), hasher.signature(["unstable"])
    assert np.array_equal(one, hasher.signature(["stable"]))
    assert np.mean(one == other) < 0.1


def test_signature_does_not_depend_on_the_block_or_on_what_came_before(monkeypatch):
    words = random.Random(2).choices(WORDS, k=1000)
    fresh = minhash.MinHasher(96, 3, seed=1).signature(words)
    monkeypatch.setattr(minhash, "BLOCK", 7)
    monkeypatch.setattr(minhash, "CACHED_WORDS", 50)
    used = minhash.MinHasher(96, 3, seed=1)
    used.signature(WORDS[:500])
    assert np.array_equal(used.signature(words), fresh)
    assert not np.array_equal(minhash.MinHasher(96, 3, seed=2).signature(words), fresh)


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_bands_are_as_long_as_texts_at_the_threshold_allow(threshold):
    rows = minhash.rows_per_band(96, threshold)
    recall = lambda r: 1 - (1 - threshold**r) ** (96 // r)
    assert recall(rows) >= 0.99
    assert all(recall(longer) < 0.99 for longer in range(rows + 1, 97))


def test_index_answers_as_a_comparison_with_every_signature():
    """Random signatures, some copied with changes, while the tables double several times."""
    rng = np.random.default_rng(3)
    searched, missed = index(memory_bytes=8 << 20), 0
    signatures, kept = np.empty((12_000, 96), np.uint8), 0
    for i in range(12_000):
        signature = rng.integers(0, 256, 96).astype(np.uint8)
        if i % 10 == 9:
            signature = signatures[rng.integers(kept)].copy()
            signature[rng.permutation(96)[: rng.integers(0, 40)]] = 7
        found = searched.contains(signature)
        if i % 10 == 9:
            equal = np.count_nonzero(signatures[:kept] == signature, axis=1).max()
            truth = equal >= 96 * (0.8 + 0.2 / 256)
            assert truth or not found
            missed += truth and not found
        else:
            assert not found
            searched.add(signature)
            signatures[kept] = signature
            kept += 1
    # 1,200 copies, half of them above the threshold: one in a hundred may share no band.
    assert missed <= 12


def test_full_index_forgets_the_oldest_texts_only():
    small = index(memory_bytes=100 * (96 + 8 * 16))
    assert small.capacity == 100
    signatures = np.random.default_rng(4).integers(0, 256, (250, 96)).astype(np.uint8)
    for i, signature in enumerate(signatures):
        small.add(signature)
        assert small.forgotten == max(0, i + 1 - 100)
    assert [small.contains(s) for s in signatures] == [False] * 150 + [True] * 100
    assert small.memory_bytes <= 100 * (96 + 8 * 16)


def test_index_of_one_text_remembers_the_last_one():
    one = index(memory_bytes=1)
    signatures = np.random.default_rng(4).integers(0, 256, (3, 96)).astype(np.uint8)
    for signature in signatures:
        one.add(signature)
    assert [one.contains(s) for s in signatures] == [False, False, True]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

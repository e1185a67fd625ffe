"""Masking a block of instances at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecords_builder.pairing import masking
from tfrecords_builder.pairing.block_masking import BlockMasker

CLS, SEP, MASK = 1, 2, 3
VOCAB_SIZE = 100
# Ids from 60 on continue a word.
STARTS_WORD = np.arange(VOCAB_SIZE) < 60


def make(whole_word=False, prob=0.15, most=20):
    return BlockMasker(masking.SpecialIds(CLS, SEP, MASK), STARTS_WORD, prob, most, whole_word)


def block_of(a_length, b_length, width, rng):
    input_ids = np.zeros((len(a_length), width), np.int32)
    for row, a, b in zip(input_ids, a_length, b_length, strict=True):
        row[: a + b + 3] = [
            CLS,
            *rng.integers(10, VOCAB_SIZE, a),
            SEP,
            *rng.integers(10, VOCAB_SIZE, b),
            SEP,
        ]
    return {"input_ids": input_ids}


def masked(masker, a_length, b_length, width, seed=0):
    rng = np.random.default_rng(seed)
    a_length, b_length = np.array(a_length), np.array(b_length)
    block = block_of(a_length, b_length, width, rng)
    before = block["input_ids"].copy()
    return before, masker.mask(block, a_length, b_length, rng)


LENGTHS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 31)), min_size=1, max_size=20)


@settings(deadline=None)
@given(LENGTHS, st.booleans(), st.floats(0, 1), st.integers(1, 30), st.integers(0, 99))
def test_predictions_are_what_stood_there_and_nothing_else_changes(
    lengths, whole_word, prob, most, seed
):
    a_length, b_length = zip(*lengths, strict=True)
    before, block = masked(make(whole_word, prob, most), a_length, b_length, 64, seed)
    for row, (a, b) in enumerate(lengths):
        count = int(block["masked_lm_weights"][row].sum())
        wanted = masking.num_to_predict(a + b + 3, prob, most)
        positions = block["masked_lm_positions"][row]
        labels = block["masked_lm_ids"][row]
        if whole_word:
            assert count <= min(wanted, a + b)
        else:
            assert count == min(wanted, a + b)
        assert block["masked_lm_weights"][row].tolist() == [1.0] * count + [0.0] * (most - count)
        assert (np.diff(positions[:count]) > 0).all()
        assert not positions[count:].any() and not labels[count:].any()
        assert (labels[:count] == before[row, positions[:count]]).all()
        assert not np.isin(positions[:count], [0, a + 1, a + b + 2]).any()
        assert (positions[:count] < a + b + 2).all()
        changed = np.flatnonzero(block["input_ids"][row] != before[row])
        assert np.isin(changed, positions[:count]).all()


@given(LENGTHS, st.integers(0, 99))
def test_words_are_masked_whole_or_not_at_all(lengths, seed):
    a_length, b_length = zip(*lengths, strict=True)
    before, block = masked(make(True, 0.3), a_length, b_length, 64, seed)
    for row, (a, b) in enumerate(lengths):
        groups = []
        for position in (*range(1, a + 1), *range(a + 2, a + b + 2)):
            if groups and not STARTS_WORD[before[row, position]]:
                groups[-1].add(position)
            else:
                groups.append({position})
        count = int(block["masked_lm_weights"][row].sum())
        chosen = set(block["masked_lm_positions"][row, :count].tolist())
        for group in groups:
            assert group <= chosen or not group & chosen
        # No word that would still fit was passed over.
        room = masking.num_to_predict(a + b + 3, 0.3, 20) - count
        assert all(group <= chosen or len(group) > room for group in groups)


def test_a_row_without_room_for_any_word_has_no_prediction():
    block = {"input_ids": np.array([[CLS, 10, 70, SEP, 71, SEP]], np.int32)}
    out = make(True, 0.15).mask(block, np.array([2]), np.array([1]), np.random.default_rng(0))
    assert out["masked_lm_weights"].sum() == 0
    assert out["input_ids"].tolist() == [[CLS, 10, 70, SEP, 71, SEP]]


def test_every_position_is_as_likely():
    rows = 20_000
    _, block = masked(make(), [10] * rows, [7] * rows, 20)
    count = np.bincount(
        block["masked_lm_positions"][block["masked_lm_weights"] > 0].ravel(), minlength=20
    )
    # Three of 17 in each row.
    share = count[[*range(1, 11), *range(12, 19)]] / rows
    assert share == pytest.approx(np.full(17, 3 / 17), abs=0.012)
    assert count.sum() == 3 * rows


def test_four_fifths_become_mask_a_tenth_stays_a_tenth_is_random():
    rows = 6000
    before, block = masked(make(), [60] * rows, [65] * rows, 128)
    chosen = block["masked_lm_weights"] > 0
    assert chosen.sum() == 19 * rows
    row = np.nonzero(chosen)[0]
    after = block["input_ids"][row, block["masked_lm_positions"][chosen]]
    labels = block["masked_lm_ids"][chosen]
    # A random wordpiece is [MASK] or the same one in 100 tries.
    assert (after == MASK).mean() == pytest.approx(0.801, abs=0.005)
    assert (after == labels).mean() == pytest.approx(0.101, abs=0.005)
    others = after[(after != MASK) & (after != labels)]
    assert len(np.unique(others)) == VOCAB_SIZE - 1
    assert (before[row, block["masked_lm_positions"][chosen]] == labels).all()


def test_the_same_seed_gives_the_same_mask_and_another_one_another():
    blocks = [masked(make(), [30] * 50, [30] * 50, 64, seed)[1] for seed in (1, 1, 2)]
    first, same, other = (block["masked_lm_positions"] for block in blocks)
    assert (first == same).all()
    assert (first != other).any()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

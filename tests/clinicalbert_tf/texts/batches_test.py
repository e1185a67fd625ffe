import numpy as np
import pytest

from clinicalbert_tf.texts.batches import bucket_by_length, make_blocks, pad_tokens
from clinicalbert_tf.texts.rows import Row
from clinicalbert_tf.texts.windows import Sequence


def sequence(*token_ids, row=0, second_segment=None):
    tokens = np.array(token_ids, np.int32)
    return Sequence(row, tokens, second_segment or len(tokens), 0, len(tokens))


def test_padding_fills_token_ids_segments_and_mask():
    batch = pad_tokens([np.array([1, 2, 3]), np.array([4, 5])], np.array([1, 2]))
    np.testing.assert_array_equal(batch["token_ids"], [[1, 2, 3], [4, 5, 0]])
    np.testing.assert_array_equal(batch["segment_ids"], [[0, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(batch["padding_mask"], [[1, 1, 1], [1, 1, 0]])
    assert {array.dtype for array in batch.values()} == {np.dtype(np.int32)}


def test_buckets_hold_every_sequence_once_within_the_budget_and_hardly_any_padding():
    lengths = np.random.default_rng(7).integers(2, 129, 3000)
    batches = list(bucket_by_length(lengths, 4096))
    assert sorted(np.concatenate(batches)) == list(range(3000))
    places = [len(members) * lengths[members].max() for members in batches]
    assert max(places) <= 4096
    assert sum(places) < 1.03 * lengths.sum()


def cost_of(lengths, batches):
    return sum(len(members) * lengths[members].max() + 32 for members in batches)


def test_lengths_share_a_batch_if_padding_costs_less_than_another_batch():
    lengths = np.array([10] * 60 + [100] * 6 + [80] * 30 + [5] * 6)
    batches = [lengths[members].tolist() for members in bucket_by_length(lengths, 4096)]
    # 6 x 5 positions of padding cost less than 32; 30 x 20 more.
    assert batches == [[100] * 6, [80] * 30, [10] * 60 + [5] * 6]
    assert [len(m) for m in bucket_by_length(np.append(lengths, [5]), 4096)] == [6, 30, 60, 7]


def test_no_division_of_sorted_lengths_costs_less():
    chance = np.random.default_rng(4)
    for _ in range(20):
        lengths = -np.sort(-chance.integers(2, 60, 9))
        least = min(
            cost_of(
                lengths, np.split(np.arange(9), [cut + 1 for cut in range(8) if cuts >> cut & 1])
            )
            for cuts in range(1 << 8)
        )
        assert cost_of(lengths, list(bucket_by_length(lengths, 4096))) == least


def test_a_batch_beyond_the_budget_is_divided_evenly():
    batches = list(bucket_by_length(np.full(33, 128), 4096))
    assert [len(members) for members in batches] == [17, 16]


def test_a_sequence_longer_than_the_budget_is_a_batch_of_its_own():
    batches = list(bucket_by_length(np.array([3, 50, 4]), 8))
    assert [batch.tolist() for batch in batches] == [[1], [2, 0]]


@pytest.mark.parametrize("first_row", [0, 40])
def test_blocks_end_with_the_row_that_fills_them(first_row):
    rows = [Row(str(number), "x" * number) for number in (2, 3, 9, 1, 1)]
    blocks = list(
        make_blocks(
            rows,
            lambda place, row: [sequence(*row.text.encode(), row=place)],
            block_tokens=5,
            first_row=first_row,
        )
    )
    assert [[row.note_id for row in block.rows] for block in blocks] == [
        ["2", "3"],
        ["9"],
        ["1", "1"],
    ]
    assert [block.first_row - first_row for block in blocks] == [0, 2, 3]
    assert [block.tokens for block in blocks] == [5, 9, 2]
    assert [[made.row for made in block.sequences] for block in blocks] == [[0, 1], [0], [0, 1]]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

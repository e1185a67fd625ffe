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


def test_a_batch_ends_where_lengths_differ_unless_it_is_small():
    lengths = np.array([10] * 60 + [100] * 6 + [80] * 30 + [5] * 3)
    batches = [lengths[members].tolist() for members in bucket_by_length(lengths, 4096)]
    assert batches == [[100] * 6, [80] * 30, [10] * 60, [5] * 3]
    few = np.array([100] * 2 + [80] * 30)
    assert [len(members) for members in bucket_by_length(few, 4096)] == [6, 26]


def test_a_sequence_longer_than_the_budget_is_a_batch_of_its_own():
    assert [batch.tolist() for batch in bucket_by_length(np.array([3, 50, 4]), 8)] == [
        [1],
        [2, 0],
    ]


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

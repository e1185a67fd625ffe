import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.texts import windows
from tests.support import GOLDEN
from tfrecords_builder.tokenization import BertTokenizer

SIXTEEN_WORDS = (
    "the patient was admitted with chest pain and was treated with aspirin in the unit ."
)


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)


@given(st.integers(0, 400), st.integers(1, 50), st.data())
def test_every_wordpiece_is_owned_once_by_a_window_that_holds_it(count, size, data):
    stride = data.draw(st.integers(1, size))
    starts = windows.window_starts(count, size, stride)
    owned = windows.owned_ranges(starts, count, size)
    places = [place for start, end in owned for place in range(start, end)]
    assert places == list(range(count))
    for window, (start, end) in zip(starts, owned, strict=True):
        assert window <= start <= end <= window + size


def test_windows_start_at_multiples_of_the_stride_and_the_last_is_full():
    assert windows.window_starts(10, 4, 3) == [0, 3, 6]
    assert windows.window_starts(11, 4, 3) == [0, 3, 6, 7]
    assert windows.window_starts(4, 4, 3) == [0]
    assert windows.window_starts(0, 4, 3) == [0]


def test_an_overlap_is_divided_in_its_middle():
    # Windows 0-6, 4-10 and 6-12: the overlaps 4-6 and 6-10 are cut at 5 and 8.
    assert windows.owned_ranges([0, 4, 6], 12, 6) == [(0, 5), (5, 8), (8, 12)]


def test_first_window_owns_cls_and_last_owns_sep(tokenizer):
    ids = tokenizer.encode(SIXTEEN_WORDS)
    made = windows.SequenceMaker(tokenizer, 10, 6).sequences(3, SIXTEEN_WORDS)
    assert len(made) > 2 and {sequence.row for sequence in made} == {3}
    owned = np.concatenate([s.token_ids[s.owned_start : s.owned_end] for s in made])
    assert owned.tolist() == [tokenizer.cls_id, *ids, tokenizer.sep_id]
    for sequence in made:
        assert len(sequence) == sequence.second_segment == 10
        assert sequence.token_ids[0] == tokenizer.cls_id
        assert sequence.token_ids[-1] == tokenizer.sep_id


def test_without_a_stride_a_long_text_is_truncated(tokenizer):
    (sequence,) = windows.SequenceMaker(tokenizer, 10, None).sequences(0, SIXTEEN_WORDS)
    ids = tokenizer.encode(SIXTEEN_WORDS)
    assert sequence.token_ids.tolist() == [tokenizer.cls_id, *ids[:8], tokenizer.sep_id]
    assert (sequence.owned_start, sequence.owned_end) == (0, 10)


def test_empty_text_is_cls_and_sep(tokenizer):
    (sequence,) = windows.SequenceMaker(tokenizer, 10, 4).sequences(0, "")
    assert sequence.token_ids.tolist() == [tokenizer.cls_id, tokenizer.sep_id]
    assert (sequence.owned_start, sequence.owned_end) == (0, 2)


def test_a_pair_has_two_segments_and_is_truncated_at_its_longer_one(tokenizer):
    maker = windows.SequenceMaker(tokenizer, 9, None)
    (sequence,) = maker.sequences(0, "the patient was in pain .", "the unit .")
    first, second = tokenizer.encode("the patient was"), tokenizer.encode("the unit .")
    assert len(first) == len(second) == 3
    cls, sep = tokenizer.cls_id, tokenizer.sep_id
    assert sequence.token_ids.tolist() == [cls, *first, sep, *second, sep]
    assert sequence.second_segment == 5


def test_truncating_a_pair_of_equal_length_takes_from_the_second():
    first, second = [1, 2, 3], [4, 5, 6]
    windows.truncate_pair(first, second, 5)
    assert (first, second) == ([1, 2, 3], [4, 5])
    windows.truncate_pair(first, second, 4)
    assert (first, second) == ([1, 2], [4, 5])


def test_a_second_text_without_wordpieces_makes_no_pair(tokenizer):
    (sequence,) = windows.SequenceMaker(tokenizer, 9, None).sequences(0, "pain", "\u200b")
    assert sequence.token_ids.tolist() == [
        tokenizer.cls_id,
        *tokenizer.encode("pain"),
        tokenizer.sep_id,
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

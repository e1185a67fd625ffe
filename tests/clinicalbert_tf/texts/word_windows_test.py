import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.texts.windows import owned_ranges, window_starts
from clinicalbert_tf.texts.word_windows import WordWindows
from tests import support
from tfrecords_builder.tokenization import BertTokenizer

VOCABULARY = support.GOLDEN / "vocab" / "downstream_cased.txt"
TOKENIZER = BertTokenizer(str(VOCABULARY), False)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["pain", "Community-acquired", "\u200b", "a", "."]), max_size=60),
    st.integers(1, 30),
    st.data(),
)
def test_windows_equal_those_of_the_whole_text(words, size, data):
    stride = data.draw(st.integers(1, size))
    maker = WordWindows(TOKENIZER, size + 2, stride)
    ids = [maker.word_ids(word) for word in words]
    firsts = np.cumsum([0, *map(len, ids)])[:-1]
    whole = [row for of in ids for row in of]
    made = list(maker.windows(iter(words)))
    if not words:
        assert made == []
        return
    starts = window_starts(len(whole), size, stride)
    numbered = []
    windows = iter(made)
    for start, (begin, end) in zip(starts, owned_ranges(starts, len(whole), size), strict=True):
        owned = [n for n, first in enumerate(firsts) if begin <= first < end]
        if not owned:
            continue
        window = next(windows)
        assert window.token_ids[1:-1].tolist() == whole[start : start + size]
        assert window.token_ids[[0, -1]].tolist() == [TOKENIZER.cls_id, TOKENIZER.sep_id]
        assert window.positions.tolist() == [firsts[n] - start + 1 for n in owned]
        assert window.first_word == owned[0]
        numbered += range(window.first_word, window.first_word + len(window.positions))
    assert next(windows, None) is None
    assert numbered == list(range(len(words)))


def test_a_word_without_wordpieces_is_unknown_and_gets_a_label():
    (window,) = WordWindows(TOKENIZER, 16).windows(["\u200b", "pain"])
    assert window.token_ids[1] == TOKENIZER.unk_id
    assert window.positions.tolist() == [1, 2]


def test_memory_does_not_grow_with_the_text():
    maker = WordWindows(TOKENIZER, 64)
    peaks = []
    for count in (2_000, 40_000):
        words = ("pain" for _ in range(count))
        tracemalloc.start()
        assert sum(len(window.positions) for window in maker.windows(words)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


@pytest.mark.parametrize(("length", "stride"), [(2, None), (16, 15), (16, 0)])
def test_windows_without_room_or_with_gaps(length, stride):
    with pytest.raises(ValueError, match="Expected"):
        WordWindows(TOKENIZER, length, stride)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

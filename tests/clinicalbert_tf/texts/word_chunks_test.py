"""Chunks at the edges of words: nothing lost, nothing too long."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.texts.word_chunks import WordChunker, chunk_spans
from tfrecords_builder.tokenization import SPECIAL_TOKENS, BertTokenizer


@pytest.mark.parametrize(
    ("counts", "size", "stride", "spans"),
    [
        ([], 4, 3, []),
        ([1] * 4, 4, 3, [(0, 4)]),
        ([1] * 5, 4, 3, [(0, 4), (1, 5)]),
        ([1] * 10, 4, 3, [(0, 4), (3, 7), (6, 10)]),
        ([1] * 8, 4, 4, [(0, 4), (4, 8)]),
        ([2, 2, 2, 2], 4, 3, [(0, 2), (1, 3), (2, 4)]),
        ([9, 1, 1], 4, 4, [(0, 1), (1, 3)]),
        ([1, 9, 1], 4, 2, [(0, 1), (1, 2), (2, 3)]),
        ([1, 1, 2], 2, 1, [(0, 2), (2, 3)]),
    ],
)
def test_spans_of_small_cases(counts, size, stride, spans):
    assert chunk_spans(counts, size, stride) == spans


@given(st.lists(st.integers(1, 6), max_size=60), st.integers(2, 12), st.data())
def test_chunks_cover_all_words_and_fit(counts, size, data):
    stride = data.draw(st.integers(1, size))
    spans = chunk_spans(counts, size, stride)
    assert sorted({w for s, e in spans for w in range(s, e)}) == list(range(len(counts)))
    for start, end in spans:
        assert end - start == 1 or sum(counts[start:end]) <= size
    for (start, end), (following, later_end) in itertools.pairwise(spans):
        assert start < following <= end and later_end > end


def test_chunk_of_text_has_the_same_wordpieces_again(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*SPECIAL_TOKENS, "pain", "##s", "no", ",", "fever"]) + "\n")
    tokenizer = BertTokenizer(str(path), do_lower_case=True)
    text = "no pains, no fever no pains no pain"
    chunks = WordChunker(tokenizer, 6, 3).chunks(text)
    assert chunks == ["no pains,", "pains, no", "no fever no", "pains no pain"]
    assert all(len(tokenizer.encode(chunk)) <= 4 for chunk in chunks)
    assert WordChunker(tokenizer, 6, 3).chunks(" \u200b ") == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

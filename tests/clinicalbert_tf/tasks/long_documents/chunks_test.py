"""Documents to chunks: nothing lost, each chunk with its document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.tasks.long_documents.chunks import chunk_starts, cut_documents
from clinicalbert_tf.texts.word_chunks import CHUNK_BREAK
from tfrecords_builder.tokenization import SPECIAL_TOKENS, BertTokenizer

LETTERS = "abcdefghij"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join([*SPECIAL_TOKENS, *LETTERS]) + "\n")
    return BertTokenizer(str(path), do_lower_case=True)


def words_of(tokenizer, chunk):
    return "".join(tokenizer.inverse_vocab[row] for row in chunk[1:-1])


@pytest.mark.parametrize(
    ("stride", "expected"),
    [
        (None, ["abcd", "defg", "ghij"]),
        (4, ["abcd", "efgh", "ghij"]),
        (2, ["abcd", "cdef", "efgh", "ghij"]),
        (0, ["abcd"]),
    ],
)
def test_long_text_is_cut_with_stride(tokenizer, stride, expected):
    cut = cut_documents(tokenizer, [" ".join(LETTERS)], 6, stride)
    assert [words_of(tokenizer, chunk) for chunk in cut.token_ids] == expected
    assert all(chunk[0] == tokenizer.cls_id for chunk in cut.token_ids)
    assert all(chunk[-1] == tokenizer.sep_id for chunk in cut.token_ids)


def test_chunks_made_before_stay_and_every_document_has_one(tokenizer):
    texts = [CHUNK_BREAK.join(["a b", "b c", ""]), "", CHUNK_BREAK.join(["a b c d e f", "g"])]
    cut = cut_documents(tokenizer, texts, 6)
    assert [words_of(tokenizer, c) for c in cut.token_ids] == ["ab", "bc", "", "abcd", "cdef", "g"]
    assert cut.document.tolist() == [0, 0, 1, 2, 2, 2]
    assert (len(cut), cut.num_documents) == (6, 3)


@given(st.integers(0, 200), st.integers(1, 20), st.data())
def test_chunks_cover_the_text_and_are_full(count, size, data):
    stride = data.draw(st.integers(1, 30))
    starts = chunk_starts(count, size, stride)
    assert sorted({w for s in starts for w in range(s, min(s + size, count))}) == list(range(count))
    assert starts == sorted(set(starts))
    assert count <= size or all(start + size <= count for start in starts)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

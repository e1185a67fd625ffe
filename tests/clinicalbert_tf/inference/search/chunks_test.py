import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.inference.search.chunks import ChunkMaker, chunk_bounds
from tests import support
from tfrecords_builder.tokenization import BertTokenizer

VOCABULARY = support.GOLDEN / "vocab" / "cased.txt"
TOKENIZER = BertTokenizer(str(VOCABULARY), False)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=list("ab 12.,\n\u0301é中🙂x"), max_size=60), st.integers(1, 5))
def test_chunks_cover_every_wordpiece_and_their_offsets_hold_it(text, stride):
    ids, offsets = TOKENIZER.encode_with_offsets(text)
    chunks = ChunkMaker(TOKENIZER, 7, stride).chunks(3, text)
    assert bool(chunks) == bool(ids)
    covered = set()
    for chunk in chunks:
        assert chunk.row == 3 and len(chunk) <= 7
        inner = chunk.token_ids[1:-1].tolist()
        start = next(
            place
            for place in range(len(ids))
            if ids[place : place + len(inner)] == inner and offsets[place][0] == chunk.start
        )
        assert offsets[start + len(inner) - 1][1] == chunk.end
        covered |= set(range(start, start + len(inner)))
    assert covered == set(range(len(ids)))


def test_chunks_end_between_words_unless_a_word_is_longer():
    begins = np.array([1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0], bool)
    assert list(chunk_bounds(begins, 4, 3)) == [(0, 3), (3, 7), (6, 9), (9, 11)]
    assert list(chunk_bounds(begins, 20, 3)) == [(0, 11)]
    assert list(chunk_bounds(begins[:0], 4, 3)) == []
    text = "unremarkable examination of the extremities"
    for chunk in ChunkMaker(TOKENIZER, 12, 4).chunks(0, text):
        piece = text[chunk.start : chunk.end]
        assert TOKENIZER.encode(piece) == chunk.token_ids[1:-1].tolist()


def test_a_short_note_is_one_chunk_from_its_first_to_its_last_word():
    (chunk,) = ChunkMaker(TOKENIZER, 32, 8).chunks(0, "  Seen today. \n")
    assert (chunk.start, chunk.end) == (2, 13)
    assert chunk.token_ids[0] == TOKENIZER.cls_id and chunk.token_ids[-1] == TOKENIZER.sep_id


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b"])
def test_a_text_without_a_word_has_no_chunk(text):
    assert ChunkMaker(TOKENIZER, 32, 8).chunks(0, text) == []


def test_digests_are_those_of_the_wordpieces():
    maker = ChunkMaker(TOKENIZER, 32, 8)
    first, again, other = (
        maker.chunks(0, text)[0].digest() for text in ("Seen today", "Seen  today ", "Seen")
    )
    assert first == again != other


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

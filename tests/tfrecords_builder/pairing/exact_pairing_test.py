"""The fast form of the exact mode, against the simple one."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import GOLDEN
from tests.tfrecords_builder.pairing import plain_pairing
from tfrecords_builder.notes.sources import sentence_lines
from tfrecords_builder.pairing import exact_pairing, masking
from tfrecords_builder.pairing.streaming_pairing import Pool
from tfrecords_builder.tokenization import BertTokenizer

IDS = masking.SpecialIds(1, 2, 3)
VOCAB_SIZE = 300
# Two of three ids continue a word.
STARTS_WORD = np.arange(VOCAB_SIZE) % 3 == 0


def make_pool(documents):
    sentences = [sentence for document in documents for sentence in document]
    return Pool(
        tokens=np.array([token for sentence in sentences for token in sentence], np.uint16),
        sentence_starts=np.cumsum([0, *map(len, sentences)]),
        document_starts=np.cumsum([0, *map(len, documents)]),
        own=len(documents),
    )


def both(documents, seed, length, predictions, whole_words=False, **changes):
    """The records of the fast and of the simple form, and the state of chance after each."""
    given = {
        "max_seq_length": length,
        "dupe_factor": 2,
        "short_seq_prob": 0.3,
        "masked_lm_prob": 0.15,
        "max_predictions_per_seq": predictions,
    } | changes
    rng, slow_rng = random.Random(seed), random.Random(seed)
    pool = make_pool(documents)
    made, order = exact_pairing.draw_instances(
        pool,
        vocab_size=VOCAB_SIZE,
        rng=rng,
        starts_word=STARTS_WORD if whole_words else None,
        **given,
    )
    assert len(made) == len(order)
    blocks = list(made.blocks(order, length, predictions, IDS))
    fast = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    slow = plain_pairing.create_training_instances(
        [list(document) for document in documents],
        special_ids=IDS,
        starts_word=STARTS_WORD.tolist(),
        do_whole_word_mask=whole_words,
        rng=slow_rng,
        **given,
    )
    assert rng.getstate() == slow_rng.getstate()
    return fast, plain_pairing.pad_instances(slow, length, predictions)


def assert_equal(fast, slow):
    assert fast.keys() == slow.keys()
    for name, values in slow.items():
        assert np.array_equal(fast[name], values), name


SENTENCES = st.lists(st.integers(1, VOCAB_SIZE - 1), min_size=1, max_size=25)
DOCUMENTS = st.lists(st.lists(SENTENCES, min_size=1, max_size=6), min_size=1, max_size=5)


@given(
    DOCUMENTS,
    st.integers(0, 999),
    st.integers(5, 40),
    st.integers(1, 12),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_every_record_equals_the_simple_forms(
    documents, seed, length, predictions, mask_most, whole_words
):
    change = {"masked_lm_prob": 0.9} if mask_most else {}
    assert_equal(*both(documents, seed, length, predictions, whole_words, **change))


@pytest.mark.parametrize(("length", "whole_words"), [(128, False), (512, False), (128, True)])
def test_long_documents_and_several_blocks(length, whole_words, monkeypatch):
    monkeypatch.setattr(exact_pairing, "BLOCK", 50)
    rng = random.Random(1)
    documents = [
        [
            [rng.randrange(5, VOCAB_SIZE) for _ in range(rng.choice((1, 4, 9, 30, 90)))]
            for _ in range(60)
        ]
        for _ in range(12)
    ]
    fast, slow = both(documents, 5, length, 20, whole_words, dupe_factor=3)
    assert len(fast["input_ids"]) > 100
    assert_equal(fast, slow)


def test_files_are_read_as_by_the_simple_form(tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_lines, "BLOCK_BYTES", 40)
    tokenizer = BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)
    (tmp_path / "a").write_bytes(
        b"\nThe patient.\nwas seen\n\n \t \n\xc2\xad\n\nThe plan\n\x00\nis rest"
    )
    (tmp_path / "b").write_bytes(b"with pain\n\nand more\n\n")
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    documents = plain_pairing.read_documents(paths, tokenizer)
    expected = [["The patient.", "was seen"], ["The plan", "is rest", "with pain"], ["and more"]]
    assert documents == [[tokenizer.encode(line) for line in lines] for lines in expected]
    found, made = exact_pairing.read_pool(paths, tokenizer), make_pool(documents)
    assert found.own == made.own == 3
    for name in ("tokens", "sentence_starts", "document_starts"):
        assert np.array_equal(getattr(found, name), getattr(made, name)), name


def test_more_tokens_than_can_be_counted_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exact_pairing, "MOST_TOKENS", 2)
    tokenizer = BertTokenizer(str(GOLDEN / "vocab" / "cased.txt"), False)
    (tmp_path / "a").write_text("The patient .\n")
    with pytest.raises(ValueError, match="fewer than 2 wordpieces at a time, received 3"):
        exact_pairing.read_pool([str(tmp_path / "a")], tokenizer)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

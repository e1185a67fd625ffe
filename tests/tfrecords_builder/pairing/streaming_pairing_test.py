"""Pairs of segments for many documents at a time."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tfrecords_builder.pairing import plain_pairing
from tfrecords_builder.pairing import masking, streaming_pairing

SPECIAL_IDS = masking.SpecialIds(1, 2, 3)


def make_pool(sizes, own=None):
    """A pool whose token at place p is 10 + p; `sizes` are sentence lengths by document."""
    lengths = np.array(list(itertools.chain.from_iterable(sizes)))
    return streaming_pairing.Pool(
        tokens=(10 + np.arange(lengths.sum())).astype(np.int32),
        sentence_starts=np.concatenate([[0], np.cumsum(lengths)]),
        document_starts=np.concatenate([[0], np.cumsum([len(size) for size in sizes])]),
        own=len(sizes) if own is None else own,
    )


def make(pool, seed=0, length=64, short=0.1, dupe=1):
    return streaming_pairing.make_pairs(
        pool,
        max_seq_length=length,
        short_seq_prob=short,
        dupe_factor=dupe,
        rng=np.random.default_rng(seed),
    )


def document_of(pool, token):
    sentence = np.searchsorted(pool.sentence_starts, token, side="right") - 1
    return np.searchsorted(pool.document_starts, sentence, side="right") - 1


SIZES = st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=12), min_size=2, max_size=8)


@settings(deadline=None)
@given(SIZES, st.integers(5, 80), st.integers(1, 3), st.integers(0, 99))
def test_segments_fit_and_random_ones_come_from_other_documents(sizes, length, dupe, seed):
    pool = make_pool(sizes)
    found = make(pool, seed, length, 0.3, dupe)
    assert len(found) >= len(sizes) * dupe
    assert (found.a_length >= 1).all() and (found.b_length >= 1).all()
    assert (found.a_length + found.b_length <= length - 3).all()
    a_document = document_of(pool, found.a_start)
    b_document = document_of(pool, found.b_start)
    assert (a_document == document_of(pool, found.a_start + found.a_length - 1)).all()
    assert (b_document == document_of(pool, found.b_start + found.b_length - 1)).all()
    assert ((a_document != b_document) == found.is_random_next).all()


@settings(deadline=None)
@given(SIZES, st.integers(0, 99))
def test_each_pass_uses_every_token_once(sizes, seed):
    pool = make_pool(sizes)
    # Nothing is truncated at this length.
    found = make(pool, seed, length=5000, short=0.0, dupe=3)
    used = np.zeros(len(pool.tokens), int)
    for start, length in zip(found.a_start, found.a_length, strict=True):
        used[start : start + length] += 1
    actual = ~found.is_random_next
    for start, length in zip(found.b_start[actual], found.b_length[actual], strict=True):
        used[start : start + length] += 1
    assert (used == 3).all()


def test_documents_that_are_not_own_only_lend_random_segments():
    pool = make_pool([[5, 6], [7, 7], [9, 9, 9]], own=1)
    found = make(pool, dupe=200)
    assert (document_of(pool, found.a_start) == 0).all()
    lent = document_of(pool, found.b_start[found.is_random_next])
    assert set(lent.tolist()) == {1, 2}


def test_one_document_is_too_few():
    with pytest.raises(ValueError, match="at least two documents, received 1"):
        make(make_pool([[5, 6]]))


def test_a_pool_without_own_documents_makes_no_pairs():
    assert len(make(make_pool([[5], [6]], own=0))) == 0


def test_pairs_are_shuffled_over_documents_and_passes():
    pool = make_pool([[9] * 20 for _ in range(50)])
    documents = document_of(pool, make(pool, dupe=4).a_start)
    assert (np.diff(documents) != 0).mean() > 0.9


@given(st.integers(1, 200), st.integers(1, 200), st.integers(2, 200))
def test_truncation_takes_as_many_from_each_as_the_reference(a, b, most):
    one = np.array([0])
    found = streaming_pairing.truncate_pairs(
        streaming_pairing.Pairs(one, np.array([a]), one + 1000, np.array([b]), one > 0),
        most,
        np.random.default_rng(0),
    )
    slow_a, slow_b = plain_pairing.truncate_seq_pair([0] * a, [0] * b, most, random.Random(0))
    assert (found.a_length[0], found.b_length[0]) == (len(slow_a), len(slow_b))
    assert 0 <= found.a_start[0] <= a - found.a_length[0]
    assert 0 <= found.b_start[0] - 1000 <= b - found.b_length[0]


def test_truncation_cuts_both_ends_alike():
    rows = np.zeros(20_000, np.int64)
    found = streaming_pairing.truncate_pairs(
        streaming_pairing.Pairs(rows, rows + 100, rows, rows + 60, rows > 0),
        120,
        np.random.default_rng(0),
    )
    # Forty from A, half of them in front: binomial with variance 10.
    assert set(found.a_length.tolist()) == {60} and set(found.b_length.tolist()) == {60}
    assert found.a_start.mean() == pytest.approx(20, abs=0.1)
    assert found.a_start.var() == pytest.approx(10, abs=0.5)


def test_a_gathered_block_is_what_the_pairs_say():
    pool = make_pool([[5, 6, 4, 8], [7, 7], [9, 30, 9]])
    found = make(pool, dupe=10, length=32)
    block = streaming_pairing.gather_block(pool, found, 32, SPECIAL_IDS)
    for row in range(len(found)):
        a = pool.tokens[found.a_start[row] :][: found.a_length[row]].tolist()
        b = pool.tokens[found.b_start[row] :][: found.b_length[row]].tolist()
        tokens = [1, *a, 2, *b, 2]
        padding = [0] * (32 - len(tokens))
        assert block["input_ids"][row].tolist() == tokens + padding
        assert block["input_mask"][row].tolist() == [1] * len(tokens) + padding
        assert (
            block["segment_ids"][row].tolist() == [0] * (len(a) + 2) + [1] * (len(b) + 1) + padding
        )
    assert (block["next_sentence_labels"] == found.is_random_next).all()


def clinical_sizes(rng):
    """Sentence lengths of documents of many kinds: single sentences, short and long notes."""
    return [
        [rng.choice((1, 3, 5, 8, 8, 12, 14, 20, 33, 70)) for _ in range(rng.choice((1, 2, 9, 40)))]
        for _ in range(150)
    ]


@pytest.mark.large
@pytest.mark.parametrize(("length", "short"), [(128, 0.1), (64, 0.3)])
def test_statistics_equal_the_exact_modes(length, short):
    sizes = clinical_sizes(random.Random(4))
    dupe = 60
    streamed = make(make_pool(sizes), length=length, short=short, dupe=dupe)
    rng = random.Random(1)
    exact = plain_pairing.create_training_instances(
        [[[7] * size for size in document] for document in sizes],
        special_ids=SPECIAL_IDS,
        starts_word=[True] * 100,
        max_seq_length=length,
        dupe_factor=dupe,
        short_seq_prob=short,
        masked_lm_prob=0.15,
        max_predictions_per_seq=20,
        do_whole_word_mask=False,
        rng=rng,
    )
    assert len(streamed) == pytest.approx(len(exact), rel=0.02)
    negatives = np.mean([instance.is_random_next for instance in exact])
    assert streamed.is_random_next.mean() == pytest.approx(negatives, abs=0.015)
    a_exact = np.array([instance.segment_ids.index(1) - 2 for instance in exact])
    total_exact = np.array([len(instance.input_ids) - 3 for instance in exact])
    total = streamed.a_length + streamed.b_length
    for found, expected in (
        (streamed.a_length, a_exact),
        (total, total_exact),
        (total[streamed.is_random_next], total_exact[[i.is_random_next for i in exact]]),
    ):
        assert largest_gap(found, expected) < 0.02


def largest_gap(found, expected):
    """The Kolmogorov-Smirnov distance of two samples."""
    values = np.arange(max(found.max(), expected.max()) + 1)
    shares = [
        np.searchsorted(np.sort(sample), values, "right") / len(sample)
        for sample in (found, expected)
    ]
    return np.abs(shares[0] - shares[1]).max()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

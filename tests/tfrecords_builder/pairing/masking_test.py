"""Masking one instance, the reference's way."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrecords_builder.pairing import masking

CLS, SEP, MASK = 1, 2, 3
VOCAB_SIZE = 100


def make(rng, whole_word=False, starts_word=None, prob=0.15, most=20):
    return masking.Masker(
        special_ids=masking.SpecialIds(CLS, SEP, MASK),
        starts_word=starts_word or [True] * VOCAB_SIZE,
        masked_lm_prob=prob,
        max_predictions_per_seq=most,
        do_whole_word_mask=whole_word,
        rng=rng,
    )


@given(st.integers(0, 300), st.integers(0, 310), st.integers(0, 1000))
def test_shuffle_draws_as_pythons_does(size, wanted, seed):
    rng, python_rng = random.Random(seed), random.Random(seed)
    expected = list(range(size))
    found = masking.shuffle_head(list(range(size)), wanted, rng)
    python_rng.shuffle(expected)
    assert found == expected[:wanted]
    assert rng.getstate() == python_rng.getstate()


@given(st.integers(1, 70_000), st.integers(0, 1000))
def test_a_number_is_drawn_as_python_draws_it(limit, seed):
    rng, python_rng = random.Random(seed), random.Random(seed)
    assert masking.randbelow(limit, rng) == python_rng.randint(0, limit - 1)
    assert rng.getstate() == python_rng.getstate()


@pytest.mark.parametrize(
    ("tokens", "prob", "most", "expected"),
    [
        (128, 0.15, 20, 19),
        (128, 0.15, 10, 10),
        (5, 0.15, 20, 1),
        (3, 0.0, 20, 1),
        # Python rounds halves to even: 2.5 is 2 and 3.5 is 4.
        (10, 0.25, 20, 2),
        (14, 0.25, 20, 4),
    ],
)
def test_the_number_of_predictions(tokens, prob, most, expected):
    assert masking.num_to_predict(tokens, prob, most) == expected


def test_special_tokens_are_never_masked_and_all_others_are():
    a, b = list(range(10, 20)), list(range(20, 35))
    seen = set()
    for seed in range(200):
        instance = make(random.Random(seed)).pair(a, b, False)
        assert instance.masked_lm_positions == sorted(set(instance.masked_lm_positions))
        tokens = [CLS, *a, SEP, *b, SEP]
        for position, label in zip(
            instance.masked_lm_positions, instance.masked_lm_ids, strict=True
        ):
            assert tokens[position] == label
        seen |= set(instance.masked_lm_positions)
        changed = [i for i, token in enumerate(instance.input_ids) if token != tokens[i]]
        assert set(changed) <= set(instance.masked_lm_positions)
    assert seen == set(range(1, 11)) | set(range(12, 27))


def test_a_word_is_masked_whole_or_not_at_all():
    # Ids from 50 on continue a word: words of 3, 1 and 2 wordpieces, twice over.
    starts_word = [True] * 50 + [False] * 50
    words = [10, 50, 51, 11, 12, 52]
    groups = [{1, 2, 3}, {4}, {5, 6}, {8, 9, 10}, {11}, {12, 13}]
    chosen = set()
    for seed in range(200):
        masker = make(random.Random(seed), True, starts_word, prob=0.3)
        positions = set(masker.pair(words, words, False).masked_lm_positions)
        assert len(positions) <= 4
        for group in groups:
            assert group <= positions or not group & positions
            chosen |= {tuple(group)} if group <= positions else set()
    assert len(chosen) == len(groups)


def test_a_continuation_cut_from_its_word_joins_the_group_before_the_separator():
    starts_word = [True] * 50 + [False] * 50
    found = set()
    for seed in range(50):
        masker = make(random.Random(seed), True, starts_word, prob=0.3)
        found.add(tuple(masker.pair([10], [50, 11], False).masked_lm_positions))
    # [CLS] 10 [SEP] ##50 11 [SEP], two predictions: the word 10 ##50 stands at 1 and 3.
    assert found == {(1, 3), (4,)}


def test_four_fifths_become_mask_a_tenth_stays_a_tenth_is_random():
    rng = random.Random(5)
    masker = make(rng, most=200, prob=1.0)
    kept = masked = total = 0
    for _ in range(400):
        a = [rng.randrange(10, VOCAB_SIZE) for _ in range(125)]
        instance = masker.pair(a, a, False)
        for position, label in zip(
            instance.masked_lm_positions, instance.masked_lm_ids, strict=True
        ):
            total += 1
            masked += instance.input_ids[position] == MASK
            kept += instance.input_ids[position] == label
    assert total == 400 * 200
    # A random wordpiece is [MASK] or the same one in 100 tries.
    assert masked / total == pytest.approx(0.8 + 0.001, abs=0.01)
    assert kept / total == pytest.approx(0.1 + 0.001, abs=0.01)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

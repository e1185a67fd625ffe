"""The reference's draws."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfrecords_builder.pairing import masking


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


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

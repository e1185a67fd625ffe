"""Long curves in few points, and round ticks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.report.curves import MOST_POINTS, in_few_points, nice_ticks
from clinicalbert_tf.report.events import Curve


def curve(values):
    return Curve(np.arange(1, len(values) + 1), np.asarray(values, float))


def test_short_curve_stays_as_it_is():
    points = in_few_points(curve([3.0, 1.0, 2.0]))
    assert points.steps.tolist() == [1, 2, 3]
    for values in (points.mean, points.low, points.high):
        assert values.tolist() == [3.0, 1.0, 2.0]


def test_long_curve_is_gathered_into_means_with_least_and_greatest():
    values = np.random.default_rng(1).normal(size=100_000)
    points = in_few_points(curve(values))
    assert len(points.steps) == MOST_POINTS and points.steps[-1] == 100_000
    parts = np.split(values, points.steps[:-1])
    np.testing.assert_allclose(points.mean, [part.mean() for part in parts])
    np.testing.assert_allclose(points.low, [part.min() for part in parts])
    np.testing.assert_allclose(points.high, [part.max() for part in parts])
    assert {len(part) for part in parts} == {625}


def test_values_that_are_not_finite_are_left_out():
    points = in_few_points(curve([1.0, np.nan, 3.0, np.inf]))
    assert points.steps.tolist() == [1, 3] and points.mean.tolist() == [1.0, 3.0]
    assert len(in_few_points(curve([np.nan])).steps) == 0


@given(st.integers(1, 3000))
def test_no_length_gives_too_many_points_or_loses_the_end(length):
    points = in_few_points(curve(np.ones(length)))
    assert 1 <= len(points.steps) <= MOST_POINTS
    assert points.steps[-1] == length
    assert np.all(np.diff(points.steps) > 0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 25, 50, 75, 100]),
        (0, 1_000_000, [0, 250_000, 500_000, 750_000, 1_000_000]),
        (5.2, 8.7, [5, 6, 7, 8, 9]),
        (0, 5e-5, [0, 2e-5, 4e-5, 6e-5]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert nice_ticks(low, high) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6, allow_subnormal=False), st.floats(-1e6, 1e6, allow_subnormal=False))
def test_ticks_hold_every_range(one, other):
    low, high = min(one, other), max(one, other)
    ticks = nice_ticks(low, high)
    margin = 1e-6 * max(abs(low), abs(high), 1e-300)
    assert ticks[0] <= low + margin and ticks[-1] >= high - margin
    assert 2 <= len(ticks) <= 12


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

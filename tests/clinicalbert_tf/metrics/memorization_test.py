import math

import numpy as np
import pytest

from clinicalbert_tf.metrics.memorization import (
    exposure,
    mean_ranking,
    membership_auroc,
    ranking,
)
from clinicalbert_tf.metrics.undefined import UndefinedMetricError


def test_exposure_is_the_bits_that_the_rank_takes_away():
    candidates = np.arange(7.0)
    assert exposure(10.0, candidates) == 3.0  # first of eight
    assert exposure(-1.0, candidates) == 0.0  # last of eight
    assert exposure(5.5, candidates) == 2.0  # second
    assert exposure(6.0, candidates) == 2.0  # behind its equal
    with pytest.raises(ValueError, match="at least one candidate"):
        exposure(1.0, [])


def test_exposure_of_an_unknown_secret_is_about_one_and_a_half_bits():
    rng = np.random.default_rng(1)
    drawn = [exposure(rng.normal(), rng.normal(size=255)) for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(1 / math.log(2), abs=0.1)


def test_membership_is_the_share_of_pairs_in_the_right_order():
    assert membership_auroc([3.0, 2.0], [1.0, 2.5]) == 0.75
    assert membership_auroc([1.0], [1.0]) == 0.5
    with pytest.raises(UndefinedMetricError):
        membership_auroc([1.0], [])


def test_a_ranking_is_counted_by_hand():
    targets = np.array([True, False, True, False])
    found = ranking(targets, np.array([4.0, 3.0, 2.0, 1.0]), np.array([1, 2, 3, 4]))
    assert found["auroc"] == 0.75 and found["precision_at_10"] == 0.5
    assert found["rank_correlation"] == pytest.approx(-1)
    low, high = found["interval_95"]
    assert low <= 0.75 <= high
    twelve = np.arange(12)
    assert ranking(twelve < 2, -twelve, twelve)["precision_at_10"] == 0.2


def test_the_mean_of_rankings_leaves_out_rows_of_one_kind():
    targets = np.array([[True, False], [False, False], [False, True]])
    scores = np.array([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    found = mean_ranking(targets, scores, np.array([5, 5]))
    assert found["auroc"] == 0.5 and found["rank_correlation"] is None
    assert mean_ranking(targets[1:2], scores[1:2], np.array([5, 5]))["auroc"] is None


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import math

import numpy as np
import pytest

from clinicalbert_tf.metrics.memorization import exposure, membership_auroc
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


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

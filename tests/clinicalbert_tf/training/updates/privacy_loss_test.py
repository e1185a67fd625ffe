import math

import pytest

from clinicalbert_tf.training.updates.privacy_loss import default_delta, epsilon

pytest.importorskip("dp_accounting")


def test_epsilon_lies_between_a_tighter_and_the_papers_looser_accounting():
    from dp_accounting import dp_event
    from dp_accounting.pld import PLDAccountant

    # The tutorials after Abadi et al. 2016: 60,000 images, batches of 250, noise 1.3, 15 epochs,
    # delta 1e-5; an epsilon of 1.19 by the first conversion from Renyi divergences.
    event = dp_event.PoissonSampledDpEvent(250 / 60_000, dp_event.GaussianDpEvent(1.3))
    tighter = PLDAccountant().compose(event, 15 * 240).get_epsilon(1e-5)
    assert tighter < epsilon(15 * 240, 60_000, 250, 1.3, 1e-5) < 1.19


def test_more_steps_and_less_noise_cost_more():
    cheap = epsilon(100, 1000, 10, 2.0, 1e-5)
    assert 0 < cheap < epsilon(200, 1000, 10, 2.0, 1e-5) < epsilon(200, 1000, 10, 1.0, 1e-5)
    assert epsilon(100, 1000, 1000, 2.0, 1e-5) > cheap
    assert epsilon(0, 1000, 10, 2.0, 1e-5) == 0


def test_no_noise_is_no_privacy():
    assert epsilon(100, 1000, 10, 0.0, 1e-5) == math.inf


def test_delta_is_below_one_over_the_examples():
    assert default_delta(100) == 1e-5
    assert default_delta(1_000_000) == pytest.approx(1e-7)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

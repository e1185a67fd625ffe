"""The privacy that steps with noise have spent: epsilon, by dp-accounting."""

import math


def epsilon(
    steps: int, examples: int, batch_size: int, noise_multiplier: float, delta: float
) -> float:
    """Epsilon of so many steps at a delta.

    Args:
        steps: steps made.
        examples: examples of the training set.
        batch_size: examples per step.
        noise_multiplier: see PrivateGradients.
        delta: probability at which the guarantee may fail, below 1 / examples.

    Returns:
        The epsilon of DP-SGD whose batches are drawn at random (Poisson); infinity without
        noise. Batches here are parts of a shuffled epoch, for which this is the usual estimate
        and no proven bound.

    Raises:
        ImportError: dp-accounting is not installed; names the extra.

    Source: Mironov 2017; Mironov et al. 2019, Renyi differential privacy of the sampled Gaussian
        mechanism.
    """
    if not noise_multiplier:
        return math.inf
    if not steps:
        return 0.0
    try:
        from dp_accounting import dp_event
        from dp_accounting.rdp import RdpAccountant
    except ImportError:
        raise ImportError(
            "Expected the package dp-accounting for --dp_noise_multiplier, found none. Install "
            "the extra: pip install 'clinicalbert_tf[privacy]'."
        ) from None
    probability = min(1.0, batch_size / examples)
    event = dp_event.GaussianDpEvent(noise_multiplier)
    if probability < 1:
        event = dp_event.PoissonSampledDpEvent(probability, event)
    accountant = RdpAccountant().compose(event, steps)
    return float(accountant.get_epsilon(delta))


def default_delta(examples: int) -> float:
    """A tenth of one over the examples, at most 1e-5."""
    return min(1e-5, 0.1 / examples)

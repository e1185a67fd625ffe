"""How long a call is, and what all workers agree on."""

import signal

import numpy as np
import pytest

from clinicalbert_tf.training.pace import Pace
from clinicalbert_tf.training.preemption import StopSignals


class Workers:
    """Two workers: this one and another with numbers of its own."""

    def __init__(self, other):
        self.other = other

    def mean_over_workers(self, values):
        return (np.array(values) + np.array(self.other)) / 2


@pytest.mark.parametrize(
    ("count", "seconds", "expected"), [(1, 0.5, 4), (4, 0.01, 16), (10, 4.0, 5), (3, 60.0, 1)]
)
def test_a_call_lasts_about_two_seconds_and_grows_fourfold_at_most(count, seconds, expected):
    pace = Pace(Workers([seconds, 0.0]), StopSignals())
    assert pace.count == 1
    assert pace.after(count, seconds) is False
    assert pace.count == expected


def test_slow_worker_slows_the_others():
    pace = Pace(Workers([3.0, 0.0]), StopSignals())
    pace.after(2, 1.0)
    assert pace.count == 2


def test_signal_to_any_worker_stops_all():
    assert Pace(Workers([1.0, 1.0]), StopSignals()).after(1, 1.0) is True
    signals = StopSignals()
    signals.received = signal.SIGTERM
    assert Pace(Workers([1.0, 0.0]), signals).after(1, 1.0) is True


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

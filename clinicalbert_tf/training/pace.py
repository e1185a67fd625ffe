"""How many steps per call, and whether to stop after it: what all workers must agree on."""

from clinicalbert_tf.training.preemption import StopSignals

# A call should end after about so many seconds, for the progress line and to save in time when
# asked to stop; its length changes nothing else.
_SECONDS_A_CALL = 2.0
_MOST_GROWTH = 4


class Pace:
    """The length of the calls of one kind (training or evaluation).

    Workers that made calls of different lengths would wait for each other for ever, so all of
    them must call `after` at the same places.

    Args:
        stepper: with `mean_over_workers`.
        signals: what this worker was asked.

    Attributes:
        count: steps that the next call should make at most.
    """

    def __init__(self, stepper, signals: StopSignals):
        self.stepper = stepper
        self.signals = signals
        self.count = 1

    def after(self, count: int, seconds: float) -> bool:
        """Takes note of a call; returns whether any worker was asked to stop.

        Args:
            count: steps that it made.
            seconds: its wall time on this worker.
        """
        asked = float(self.signals.received is not None)
        seconds, asked = self.stepper.mean_over_workers([seconds, asked])
        self.count = max(1, min(int(_SECONDS_A_CALL * count / seconds), _MOST_GROWTH * count))
        return bool(asked > 0)

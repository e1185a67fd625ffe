"""A profile of chosen steps, for TensorBoard's profile tab."""

import tensorflow as tf
from absl import logging

from clinicalbert_tf.training.hooks import Call, LoopHook


class Profile(LoopHook):
    """Profiles the steps from `first` to `last`, each of which `CallEnds` makes a call of its own.

    Args:
        directory: the run's folder; the profile goes into its `plugins/profile`.
        first, last: step numbers, counted from 1. A run that is resumed beyond the first one
            profiles the rest of them.
    """

    def __init__(self, directory: str, first: int, last: int):
        self.directory = directory
        self.first, self.last = first, last
        self._running, self._step = False, None

    def before_call(self, step: int, count: int) -> None:
        if not self.first - 1 <= step < self.last:
            return
        if not self._running:
            tf.profiler.experimental.start(self.directory)
            self._running = True
        self._step = tf.profiler.experimental.Trace("train", step_num=step + 1, _r=1)
        self._step.__enter__()

    def measure(self, call: Call) -> dict[str, float]:
        # Here, not in after_call, as a save is no part of the step.
        self._end_step()
        if self._running and call.step >= self.last:
            self._stop()
        return {}

    def close(self, error=None) -> None:
        self._end_step()
        if self._running:
            self._stop()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None

    def _stop(self) -> None:
        self._running = False
        tf.profiler.experimental.stop()
        logging.info(
            "Profiled steps %d to %d: tensorboard --logdir %s, tab Profile (pip install "
            "tensorboard-plugin-profile).",
            *(self.first, self.last, self.directory),
        )

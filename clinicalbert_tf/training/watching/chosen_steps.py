"""What is watched at chosen steps only: histograms of weights, and a profile."""

from collections.abc import Iterable

import tensorflow as tf
from absl import logging
from tensorboard.plugins.histogram.summary_v2 import histogram_pb

from clinicalbert_tf.training.hooks import Call, LoopHook
from clinicalbert_tf.training.watching.summaries import TrainingSummaries


class CallEnds(LoopHook):
    """Ends calls where histograms are due, and makes the profiled steps calls of their own.

    The chief alone writes both, but workers whose calls differ in length wait for each other for
    ever: every worker hangs this hook in.

    Args:
        histogram_steps: steps between histograms, or None.
        profile_steps: first and last step profiled, counted from 1, or None.
    """

    def __init__(self, histogram_steps: int | None, profile_steps: tuple[int, int] | None):
        self.histogram_steps = histogram_steps
        self.profile_steps = profile_steps

    def next_stop(self, step: int) -> int | None:
        ends = []
        if self.histogram_steps is not None:
            ends.append((step // self.histogram_steps + 1) * self.histogram_steps)
        if self.profile_steps is not None:
            first, last = self.profile_steps
            if step < last:
                ends.append(max(step + 1, first - 1))
        return min(ends, default=None)


class Histograms(LoopHook):
    """Writes a histogram of every weight each `every` steps, where `CallEnds` ends the calls.

    Args:
        summaries: the hook whose events file they go to; stands before this one.
        every: steps between them.
        variables: (name, variable) of each weight.
    """

    def __init__(self, summaries: TrainingSummaries, every: int, variables: Iterable[tuple]):
        self.summaries = summaries
        self.every = every
        self.variables = tuple(variables)

    def measure(self, call: Call) -> dict[str, float]:
        # Before the save, as all that the summaries hold.
        if call.step % self.every == 0:
            for name, variable in self.variables:
                self.summaries.write(call.step, histogram_pb(f"weights/{name}", variable.numpy()))
            self.summaries.flush()
        return {}


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

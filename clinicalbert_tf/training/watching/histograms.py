"""Histograms of a model's weights in TensorBoard."""

from collections.abc import Iterable

from tensorboard.plugins.histogram.summary_v2 import histogram_pb

from clinicalbert_tf.training.hooks import Call, LoopHook
from clinicalbert_tf.training.watching.summaries import TrainingSummaries


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

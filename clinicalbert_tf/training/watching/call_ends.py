"""Where calls must end for what is watched at certain steps."""

from clinicalbert_tf.training.hooks import LoopHook


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

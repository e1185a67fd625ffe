"""What happens around the steps of a loop, one hook a concern.

Saving and the stop on NaN are the loop's own; progress, TensorBoard, evaluation, profiles, stop
signals and reports hang on it.
"""

import dataclasses
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Call:
    """The steps that were made in one call of the stepper.

    Attributes:
        step: updates made so far, this call's included.
        scalars: every step's losses, accuracies, rates and counts, in order; what belongs to the
            whole call (tokens_per_second, steps_per_second, what hooks measured) stands in the
            last one.
        seconds: wall time of the call.
        saved: the checkpoint's prefix where one was saved after the call, or None.
        stopping: whether the loop ends after this call whatever the hooks say, so that nothing
            long should be begun.
    """

    step: int
    scalars: Sequence[Mapping[str, float]]
    seconds: float
    saved: str | None = None
    stopping: bool = False


@dataclasses.dataclass(frozen=True)
class Stop:
    """Why a loop should end before its last step.

    Attributes:
        reason: one sentence for the log.
        error: raised after the state was saved; None ends the loop as if it were done.
    """

    reason: str
    error: Exception | None = None


class LoopHook:
    """One concern around the steps; every method may be left as it is.

    Hooks must not change what is computed. Under several workers every worker runs the loop; a
    hook that stops it must stop it on all of them.
    """

    def start(self, first_step: int, num_train_steps: int, last_saved: str | None) -> Stop | None:
        """Called before the first step, with the updates made before; a Stop makes it none."""

    def next_stop(self, step: int) -> int | None:
        """The next step number (> step) at which a call must end, or None for any."""

    def before_call(self, step: int, count: int) -> None:
        """Called before `count` steps are made from `step` on."""

    def measure(self, call: Call) -> Mapping[str, float]:
        """More scalars for the call's last step; called after the call, before any save.

        What must be on disk when a state is saved is written here.
        """
        return {}

    def after_call(self, call: Call) -> Stop | None:
        """Called after every call, and after it was saved where a save was due."""

    def stopping(self, stop: Stop) -> None:
        """Called when a hook has asked to stop, after the state was saved; then comes close."""

    def close(self, error: BaseException | None = None) -> None:
        """Called once at the end, with what ended the loop if that was an exception."""

"""The steps of a run: several a call, with progress, summaries, saving and the stop on NaN."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
from absl import logging
from tqdm import tqdm

from clinicalbert_tf.training.step import UPDATE_NAMES

# A call should end after about so many seconds, for the progress line and to save in time when
# asked to stop; its length changes nothing else.
_SECONDS_A_CALL = 2.0
_SECONDS_BETWEEN_LINES = 30.0


class NonFiniteLossError(ArithmeticError):
    """The loss or the gradient norm of a step was NaN or infinite."""


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """How far a loop goes and when it saves.

    Attributes:
        num_train_steps: the step to end at.
        save_checkpoints_steps: a state is saved at its multiples and at the end.
        steps_per_loop: most steps a call.
    """

    num_train_steps: int
    save_checkpoints_steps: int
    steps_per_loop: int


class TrainingLoop:
    """Runs a Stepper from a step to the end.

    Args:
        stepper: makes the steps.
        settings: how far, when to save.
        save: called after the step number was reached; returns the checkpoint's prefix.
        record: called with (step, scalars) for every step, in order; rates come with the last
            step of a call.
        flush: called at the end of every call.
    """

    def __init__(
        self,
        stepper,
        settings: LoopSettings,
        save: Callable[[int], str],
        record: Callable[[int, dict[str, float]], None],
        flush: Callable[[], None],
    ):
        self.stepper = stepper
        self.settings = settings
        self.save = save
        self.record = record
        self.flush = flush

    def run(self, iterator, first_step: int, last_saved: str | None = None) -> dict[str, float]:
        """Trains from `first_step` to the end, saving on the way.

        Args:
            iterator: over distributed batches, from the first step's on.
            first_step: updates made before.
            last_saved: the checkpoint that the run started from, for the message on NaN.

        Returns:
            The last step's scalars; empty where there was nothing left to do.

        Raises:
            NonFiniteLossError: names the step and the last good checkpoint.
        """
        step, end, pace = first_step, self.settings.num_train_steps, 1
        first = scalars = {}
        line = _Lines()
        with tqdm(total=end, initial=step, unit="step", disable=None, desc="training") as bar:
            while step < end:
                count = self._steps_of_call(step, pace)
                started = time.perf_counter()
                rows = self.stepper.train(iterator, count)
                seconds = time.perf_counter() - started
                scalars = self._record_call(rows, step, seconds, last_saved)
                first = first or scalars
                step += count
                pace = self._next_pace(count, seconds)
                bar.update(count)
                bar.set_postfix_str(_in_short(scalars))
                if step % self.settings.save_checkpoints_steps == 0 or step == end:
                    last_saved = self.save(step)
                line.say(step, end, scalars, bar.disable)
        if first:
            before, after = first["masked_lm_loss"], scalars["masked_lm_loss"]
            logging.info(
                "masked_lm_loss: %.3f at step %d, %.3f at step %d",
                before,
                first_step + 1,
                after,
                end,
            )
        return scalars

    def _next_pace(self, count: int, seconds: float) -> int:
        # Workers that made calls of different lengths would wait for each other for ever.
        (seconds,) = self.stepper.mean_over_workers([seconds])
        return max(1, min(int(_SECONDS_A_CALL * count / seconds), 4 * count))

    def _steps_of_call(self, step: int, pace: int) -> int:
        every = self.settings.save_checkpoints_steps
        to_save = every - step % every
        to_end = self.settings.num_train_steps - step
        return min(pace, self.settings.steps_per_loop, to_save, to_end)

    def _record_call(self, rows: np.ndarray, step: int, seconds: float, last_saved):
        """Hands every step's scalars on and returns the last step's."""
        names = self.stepper.objective.sum_names
        metrics = self.stepper.objective.metrics(rows[:, : len(names)])
        metrics |= dict(zip(UPDATE_NAMES, rows[:, len(names) :].T, strict=True))
        tokens = rows[:, names.index("tokens")].sum(dtype=np.float64)
        rates = {
            "tokens_per_second": tokens / seconds,
            "steps_per_second": len(rows) / seconds,
        }
        for index in range(len(rows)):
            scalars = {name: float(values[index]) for name, values in metrics.items()}
            number = step + index + 1
            if not (np.isfinite(scalars["loss"]) and np.isfinite(scalars["gradient_norm"])):
                self.flush()
                raise NonFiniteLossError(_not_finite(number, scalars, last_saved))
            if index == len(rows) - 1:
                scalars |= rates
            self.record(number, scalars)
        self.flush()
        return scalars


class _Lines:
    """Now and then a line for logs, where there is no terminal to show a bar."""

    def __init__(self):
        self.last = time.monotonic()

    def say(self, step: int, end: int, scalars: dict[str, float], needed: bool) -> None:
        now = time.monotonic()
        if needed and (step == end or now - self.last >= _SECONDS_BETWEEN_LINES):
            self.last = now
            logging.info("step %d of %d: %s", step, end, _in_short(scalars))


def _in_short(scalars: dict[str, float]) -> str:
    return (
        f"loss {scalars['loss']:.3f}, masked words {scalars['masked_lm_loss']:.3f}, "
        f"{scalars['tokens_per_second']:,.0f} tokens/s"
    )


def _not_finite(step: int, scalars: dict[str, float], last_saved: str | None) -> str:
    return (
        f"Expected a finite loss, received loss {scalars['loss']} and gradient norm "
        f"{scalars['gradient_norm']} at step {step}. The last good checkpoint is "
        f"{last_saved or 'none yet'}; go on from it with a lower --learning_rate or longer "
        "--num_warmup_steps in another --output_dir."
    )

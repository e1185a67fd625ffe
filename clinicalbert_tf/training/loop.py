"""The steps of a run: several a call, with saving, hooks and the stop on NaN."""

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np
from absl import logging

from clinicalbert_tf.training.hooks import Call, LoopHook, Stop
from clinicalbert_tf.training.step import UPDATE_NAMES

# A call should end after about so many seconds, for the progress line and to save in time when
# asked to stop; its length changes nothing else.
_SECONDS_A_CALL = 2.0


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
        hooks: what else happens around the calls, in this order.
    """

    def __init__(
        self,
        stepper,
        settings: LoopSettings,
        save: Callable[[int], str],
        hooks: Sequence[LoopHook] = (),
    ):
        self.stepper = stepper
        self.settings = settings
        self.save = save
        self.hooks = tuple(hooks)

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
            Exception: what a hook asked to stop with, after the state was saved.
        """
        error = None
        try:
            for hook in self.hooks:
                hook.start(first_step, self.settings.num_train_steps, last_saved)
            return self._run(iterator, first_step, last_saved)
        except BaseException as caught:
            error = caught
            raise
        finally:
            for hook in self.hooks:
                hook.close(error)

    def _run(self, iterator, first_step: int, last_saved: str | None) -> dict[str, float]:
        step, end, pace = first_step, self.settings.num_train_steps, 1
        first = last = {}
        while step < end:
            count = self._steps_of_call(step, pace)
            for hook in self.hooks:
                hook.before_call(step, count)
            started = time.perf_counter()
            rows = self.stepper.train(iterator, count)
            seconds = time.perf_counter() - started
            scalars = self._scalars(rows, step, seconds, last_saved)
            first, last = first or scalars[0], scalars[-1]
            step += count
            pace = self._next_pace(count, seconds)
            saved = None
            if step % self.settings.save_checkpoints_steps == 0 or step == end:
                saved = last_saved = self.save(step)
            stop = self._after_call(Call(step, scalars, seconds, saved))
            if stop is not None:
                self._stop(stop, step, saved)
                break
        if first:
            before, after = first["masked_lm_loss"], last["masked_lm_loss"]
            logging.info(
                "masked_lm_loss: %.3f at step %d, %.3f at step %d",
                *(before, first_step + 1, after, step),
            )
        return last

    def _after_call(self, call: Call) -> Stop | None:
        stops = [hook.after_call(call) for hook in self.hooks]
        return next((stop for stop in stops if stop is not None), None)

    def _stop(self, stop: Stop, step: int, saved: str | None) -> None:
        if saved is None:
            self.save(step)
        logging.info("Stopped at step %d: %s", step, stop.reason)
        if stop.error is not None:
            raise stop.error

    def _next_pace(self, count: int, seconds: float) -> int:
        # Workers that made calls of different lengths would wait for each other for ever.
        (seconds,) = self.stepper.mean_over_workers([seconds])
        return max(1, min(int(_SECONDS_A_CALL * count / seconds), 4 * count))

    def _steps_of_call(self, step: int, pace: int) -> int:
        every = self.settings.save_checkpoints_steps
        ends = [self.settings.num_train_steps, (step // every + 1) * every]
        ends += [end for hook in self.hooks if (end := hook.next_stop(step)) is not None]
        return min(self.settings.steps_per_loop, pace, *(end - step for end in ends))

    def _scalars(self, rows, step: int, seconds: float, last_saved) -> list[dict[str, float]]:
        """Every step's scalars by name; raises where a loss is not finite."""
        names = self.stepper.objective.sum_names
        metrics = self.stepper.objective.metrics(rows[:, : len(names)])
        metrics |= dict(zip(UPDATE_NAMES, rows[:, len(names) :].T, strict=True))
        tokens = rows[:, names.index("tokens")]
        metrics["tokens"] = tokens
        scalars = [
            {name: float(values[index]) for name, values in metrics.items()}
            for index in range(len(rows))
        ]
        for index, values in enumerate(scalars):
            if not (np.isfinite(values["loss"]) and np.isfinite(values["gradient_norm"])):
                raise NonFiniteLossError(_not_finite(step + index + 1, values, last_saved))
        scalars[-1] |= {
            "tokens_per_second": float(tokens.sum(dtype=np.float64)) / seconds,
            "steps_per_second": len(rows) / seconds,
        }
        return scalars


def _not_finite(step: int, scalars: dict[str, float], last_saved: str | None) -> str:
    return (
        f"Expected a finite loss, received loss {scalars['loss']} and gradient norm "
        f"{scalars['gradient_norm']} at step {step}. The last good checkpoint is "
        f"{last_saved or 'none yet'}; go on from it with a lower --learning_rate or longer "
        "--num_warmup_steps in another --output_dir."
    )

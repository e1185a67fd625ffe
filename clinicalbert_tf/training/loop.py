"""The steps of a run: several a call, with saving, hooks and the stop on NaN."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np
from absl import logging

from clinicalbert_tf.training.hooks import Call, LoopHook, Stop
from clinicalbert_tf.training.pace import Pace
from clinicalbert_tf.training.preemption import StopSignals


class NonFiniteLossError(ArithmeticError):
    """The loss or the gradient norm of a step was NaN or infinite."""


class UnsavedError(OSError):
    """The loop ended and its last state could not be saved."""


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """How far a loop goes and when it saves.

    Attributes:
        num_train_steps: the step to end at.
        save_checkpoints_steps: a state is saved at its multiples and at the end.
        steps_per_loop: most steps per call.
    """

    num_train_steps: int
    save_checkpoints_steps: int
    steps_per_loop: int


class TrainingLoop:
    """Runs a Stepper from a step to the end.

    Args:
        stepper: makes the steps.
        settings: how far, when to save.
        save: called after the step number was reached; returns the checkpoint's prefix, or None
            if it could not be saved for now.
        hooks: what else happens around the calls, in this order.
        signals: what this process was asked; only noted while steps are made that a save would
            keep. When any worker was asked to stop, all do after the same call.
        headline: the scalar whose first and last value are logged at the end.
    """

    def __init__(
        self,
        stepper,
        settings: LoopSettings,
        save: Callable[[int], str | None],
        hooks: Sequence[LoopHook] = (),
        signals: StopSignals | None = None,
        headline: str = "loss",
    ):
        self.stepper = stepper
        self.settings = settings
        self.headline = headline
        self.save = save
        self.hooks = tuple(hooks)
        self.signals = signals or StopSignals()
        self._pace = Pace(stepper, self.signals)
        self._last_saved: str | None = None
        self._saved_step: int | None = None

    def run(self, iterator, first_step: int, last_saved: str | None = None) -> dict[str, float]:
        """Trains from `first_step` to the end, saving on the way.

        Args:
            iterator: over distributed batches, from the first step's on.
            first_step: updates made before.
            last_saved: the checkpoint that the run started from, for the message on NaN.

        Returns:
            The last step's scalars; empty if there was nothing left to do.

        Raises:
            NonFiniteLossError: names the step and the last good checkpoint.
            Interrupted: a signal asked to stop; what can be saved was.
            UnsavedError: the state at the end could not be saved.
            Exception: what a hook asked to stop with, after the state was saved.
        """
        error, started = None, []
        self._last_saved, self._saved_step = last_saved, first_step
        try:
            stops = []
            for hook in self.hooks:
                started.append(hook)
                stops.append(hook.start(first_step, self.settings.num_train_steps, last_saved))
            stop = next((stop for stop in stops if stop is not None), None)
            if stop is not None:
                self._stop(stop, first_step)
                return {}
            with contextlib.ExitStack() as stack:
                return self._run(iterator, first_step, stack)
        except BaseException as caught:
            error = caught
            raise
        finally:
            for hook in started:
                hook.close(error)

    def _run(self, iterator, first_step: int, stack: contextlib.ExitStack) -> dict[str, float]:
        step, end = first_step, self.settings.num_train_steps
        first = last = {}
        while step < end:
            count = self._steps_of_call(step, self._pace.count)
            for hook in self.hooks:
                hook.before_call(step, count)
            started = time.perf_counter()
            rows = self.stepper.train(iterator, count)
            seconds = time.perf_counter() - started
            if step == first_step:
                # Up to here, tracing included, there was nothing to save.
                stack.enter_context(self.signals.deferred())
            scalars = self._finite_scalars(rows, step, seconds)
            first, last = first or scalars[0], scalars[-1]
            step += count
            stopping = self._pace.after(count, seconds)
            stop = self._finish_call(Call(step, scalars, seconds, stopping=stopping))
            if stop is not None:
                self._stop(stop, step)
                break
        if first and self.headline in first:
            before, after = first[self.headline], last[self.headline]
            logging.info(
                "%s: %.3f at step %d, %.3f at step %d",
                *(self.headline, before, first_step + 1, after, step),
            )
        return last

    def _finish_call(self, call: Call) -> Stop | None:
        """Measures, saves where that is due, and lets the hooks see the call."""
        for hook in self.hooks:
            call.scalars[-1].update(hook.measure(call))
        at_end = call.step == self.settings.num_train_steps
        if call.stopping or at_end or call.step % self.settings.save_checkpoints_steps == 0:
            call = dataclasses.replace(call, saved=self._save(call.step))
        stops = [hook.after_call(call) for hook in self.hooks]
        if call.stopping:
            # A save that failed just now is tried once more before it is named.
            self._check_saved(call.step)
            saved = f"step {call.step} is saved as {self._last_saved}"
            return Stop("a signal asked for it.", self.signals.interrupted(saved))
        if at_end:
            self._check_saved(call.step)
        return next((stop for stop in stops if stop is not None), None)

    def _save(self, step: int) -> str | None:
        saved = self.save(step)
        if saved is not None:
            self._last_saved, self._saved_step = saved, step
        return saved

    def _stop(self, stop: Stop, step: int) -> None:
        self._check_saved(step)
        for hook in self.hooks:
            hook.stopping(stop)
        logging.info("Stopped at step %d: %s", step, stop.reason)
        if stop.error is not None:
            raise stop.error

    def _check_saved(self, step: int) -> None:
        """Saves where that was not done; all workers wait for the one that writes."""
        if self._saved_step != step:
            self._save(step)
        (saved,) = self.stepper.mean_over_workers([float(self._saved_step == step)])
        if saved < 1:
            raise UnsavedError(
                f"Expected to save the state at step {step} before ending, but could not. The "
                f"last good checkpoint is {self._last_saved or 'none yet'}. Free space or make "
                "the folder writable, then start the same command again: it resumes from there."
            )

    def _steps_of_call(self, step: int, pace: int) -> int:
        every = self.settings.save_checkpoints_steps
        ends = [self.settings.num_train_steps, (step // every + 1) * every]
        ends += [end for hook in self.hooks if (end := hook.next_stop(step)) is not None]
        return min(self.settings.steps_per_loop, pace, *(end - step for end in ends))

    def _finite_scalars(self, rows, step: int, seconds: float) -> list[dict[str, float]]:
        """Every step's scalars by name; raises where one is not finite, after the hooks saw
        those before it."""
        scalars = self._scalars(rows)
        bad = next((index for index, values in enumerate(scalars) if not _finite(values)), None)
        good = scalars[:bad]
        if good:
            tokens = sum(values["tokens"] for values in scalars)
            good[-1]["tokens_per_second"] = tokens / seconds
            good[-1]["steps_per_second"] = len(scalars) / seconds
        if bad is None:
            return good
        if good:
            call = Call(step + bad, good, seconds, stopping=True)
            for hook in self.hooks:
                good[-1].update(hook.measure(call))
            for hook in self.hooks:
                hook.after_call(call)
        raise NonFiniteLossError(_not_finite(step + bad + 1, scalars[bad], self._last_saved))

    def _scalars(self, rows) -> list[dict[str, float]]:
        names = self.stepper.sum_names
        columns = rows[:, : len(names)].astype(np.float64).T
        totals = dict(zip(names, columns, strict=True))
        metrics = self.stepper.objective.metrics(totals)
        metrics |= dict(zip(self.stepper.update_names, rows[:, len(names) :].T, strict=True))
        metrics |= {name: totals[name] for name in ("tokens", "positions")}
        return [
            {name: float(values[index]) for name, values in metrics.items()}
            for index in range(len(rows))
        ]


def _finite(scalars: dict[str, float]) -> bool:
    return bool(np.isfinite(scalars["loss"]) and np.isfinite(scalars["gradient_norm"]))


def _not_finite(step: int, scalars: dict[str, float], last_saved: str | None) -> str:
    return (
        f"Expected a finite loss, received loss {scalars['loss']} and gradient norm "
        f"{scalars['gradient_norm']} at step {step}. The last good checkpoint is "
        f"{last_saved or 'none yet'}; resume from it with a lower --learning_rate or longer "
        "--num_warmup_steps in another --output_dir."
    )

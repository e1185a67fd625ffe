"""Evaluation while a run trains: every so many steps and at the end."""

import json
from collections.abc import Callable, Mapping

from absl import logging

from clinicalbert_tf.training.evaluation import Evaluator
from clinicalbert_tf.training.evaluation_history import EvaluationHistory, history_of
from clinicalbert_tf.training.hooks import Call, LoopHook, Stop
from clinicalbert_tf.training.monitor import Monitor
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.states.best import BestCheckpoint
from clinicalbert_tf.training.states.checkpoints import STATE
from clinicalbert_tf.training.watching import json_lines


class PeriodicEvaluation(LoopHook):
    """Evaluates, keeps the best checkpoint and ends a run that no longer gets better.

    What it decides by is in every saved state, so that a resumed run decides alike. All workers
    evaluate; where only the chief has a `best` and a `report`, it alone writes.

    Args:
        evaluator: evaluates the model.
        every: steps between evaluations.
        patience: evaluations in a row without a better one after which training ends; 0 for
            never.
        best: where the best checkpoint is kept, or None.
        report: called with the step and its results.
        renew: called with a step after what `content` holds has changed at it.
        signals: what this process was asked.
        monitor: the result that decides.

    Attributes:
        last: the last step that was evaluated here and its results, or None.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        every: int,
        patience: int,
        best: BestCheckpoint | None,
        report: Callable[[int, Mapping[str, float]], None],
        renew: Callable[[int], None],
        signals: StopSignals,
        monitor: Monitor = Monitor(),  # noqa: B008 (frozen)
    ):
        self.evaluator = evaluator
        self.every = every
        self.patience = patience
        self.best = best
        self.report = report
        self.renew = renew
        self.signals = signals
        self.monitor = monitor
        self.history = EvaluationHistory(evaluator.measured_on, monitor.metric)
        self.last: tuple[int, dict[str, float]] | None = None

    @property
    def content(self) -> dict:
        """What a saved state must hold for the evaluations to continue."""
        return self.history.content()

    def start(self, first_step, num_train_steps, last_saved):
        self._end = num_train_steps
        if first_step == 0:
            return None
        with open(last_saved + STATE, encoding="utf-8") as file:
            self.history = history_of(
                json.load(file), self.evaluator.measured_on, self.monitor.metric
            )
        if self._due(first_step) and self.history.step != first_step:
            # The run was ended after the save and before the evaluation was done.
            return self._evaluate(first_step)
        return self._out_of_patience()

    def next_stop(self, step):
        return (step // self.every + 1) * self.every

    def after_call(self, call: Call) -> Stop | None:
        if call.stopping or not self._due(call.step):
            return None
        return self._evaluate(call.step)

    def _due(self, step: int) -> bool:
        return step % self.every == 0 or step == self._end

    def _evaluate(self, step: int) -> Stop | None:
        results = self.evaluator.run()
        if results is None:
            return Stop("a signal asked for it.", self.signals.interrupted("the state is saved"))
        value = self.monitor.value(results)
        self.history = self.history.with_value(step, value, self.monitor)
        self.last = step, results
        self.report(step, results)
        best = self.best is not None and self.best.offer(step, results, self.history.measured_on)
        logging.info(
            "Evaluation at step %d: %s %.4f%s.",
            *(step, self.monitor.words, value),
            f", the best so far: {self.best.directory}" if best else "",
            extra=json_lines.fields(event="evaluation", step=step, best=best, **results),
        )
        self.renew(step)
        return self._out_of_patience()

    def _out_of_patience(self) -> Stop | None:
        history = self.history
        if not self.patience or history.since_best < self.patience or history.step == self._end:
            return None
        words = self.monitor.words
        if history.best_value is None:
            missed = f"no evaluation {words} that is a number"
        else:
            beyond = "above" if self.monitor.higher_is_better else "below"
            missed = (
                f"no evaluation {words} {beyond} {history.best_value:.4f} "
                f"(step {history.best_step})"
            )
        return Stop(
            f"{missed} in {history.since_best} evaluations. The run is done; a larger "
            "--early_stopping_patience would continue it."
        )

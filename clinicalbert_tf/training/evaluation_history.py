"""How the evaluations of a run went: the best one, and how long ago it was."""

import dataclasses
from typing import Any

from clinicalbert_tf.training.monitor import Monitor

KEY = "evaluation"


@dataclasses.dataclass(frozen=True)
class EvaluationHistory:
    """What a saved state must hold for the evaluations to continue as if nothing had happened.

    Attributes:
        measured_on: what the results are of (Evaluator.measured_on).
        metric: the result that decides.
        step: the last step that was evaluated, or None.
        best_step: the step of the best one, or None.
        best_value: its value.
        since_best: evaluations after it.
    """

    measured_on: str
    metric: str = "loss"
    step: int | None = None
    best_step: int | None = None
    best_value: float | None = None
    since_best: int = 0

    def with_value(self, step: int, value: float, monitor: Monitor) -> "EvaluationHistory":
        """The history after one more evaluation; a value that is NaN is never the best."""
        if monitor.is_better(value, self.best_value):
            return dataclasses.replace(
                self, step=step, best_step=step, best_value=value, since_best=0
            )
        return dataclasses.replace(self, step=step, since_best=self.since_best + 1)

    def content(self) -> dict[str, Any]:
        """What state.json holds of it."""
        return {KEY: dataclasses.asdict(self)}


def history_of(content: dict[str, Any], measured_on: str, metric: str) -> EvaluationHistory:
    """The history in a state.json's content; a new one if it has none of this metric on these
    examples."""
    held = dict(content.get(KEY) or {})
    if "best_loss" in held:
        # States of versions that went by the loss alone.
        held |= {"metric": "loss", "best_value": held.pop("best_loss")}
    names = {field.name for field in dataclasses.fields(EvaluationHistory)}
    comparable = held.get("measured_on") == measured_on and held.get("metric") == metric
    if not comparable or set(held) != names:
        return EvaluationHistory(measured_on, metric)
    return EvaluationHistory(**held)

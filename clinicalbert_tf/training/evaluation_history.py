"""How the evaluations of a run went: the best one, and how long ago it was."""

import dataclasses
from typing import Any

KEY = "evaluation"


@dataclasses.dataclass(frozen=True)
class EvaluationHistory:
    """What a saved state must hold for the evaluations to go on as if nothing had happened.

    Attributes:
        measured_on: what the losses are of (Evaluator.measured_on).
        step: the last step that was evaluated, or None.
        best_step: the step of the lowest loss, or None.
        best_loss: that loss.
        since_best: evaluations after it.
    """

    measured_on: str
    step: int | None = None
    best_step: int | None = None
    best_loss: float | None = None
    since_best: int = 0

    def with_loss(self, step: int, loss: float) -> "EvaluationHistory":
        """The history after one more evaluation; a loss that is NaN is never the best."""
        if loss == loss and (self.best_loss is None or loss < self.best_loss):
            return dataclasses.replace(
                self, step=step, best_step=step, best_loss=loss, since_best=0
            )
        return dataclasses.replace(self, step=step, since_best=self.since_best + 1)

    def content(self) -> dict[str, Any]:
        """What state.json holds of it."""
        return {KEY: dataclasses.asdict(self)}


def history_of(content: dict[str, Any], measured_on: str) -> EvaluationHistory:
    """The history in a state.json's content; a new one where it has none on these records."""
    held = content.get(KEY) or {}
    names = {field.name for field in dataclasses.fields(EvaluationHistory)}
    if held.get("measured_on") != measured_on or set(held) != names:
        return EvaluationHistory(measured_on)
    return EvaluationHistory(**held)

"""Pretraining as a task: masked words and next sentences on files of records."""

from collections.abc import Collection
from typing import Any

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.tasks.pretraining.inputs import find_inputs
from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.task import TaskDefaults
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.monitor import LOSS, Shown
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.watching.operations import pretraining_operations


class PretrainingTask(TaskDefaults):
    """Masked language model and next sentence prediction.

    Args:
        settings: of the run.
    """

    name = "pretrain"
    headline = "masked_lm_loss"
    predicts = False
    evaluates_best = False
    shown = (
        LOSS,
        Shown("masked_lm_loss", "Masked words: loss", word="masked words"),
        Shown("masked_lm_accuracy", "Masked words: accuracy", "percent"),
        Shown("next_sentence_loss", "Next sentence: loss"),
        Shown("next_sentence_accuracy", "Next sentence: accuracy", "percent"),
    )
    input_decisions = (*TaskDefaults.input_decisions, "records.max_predictions_per_seq")

    def __init__(self, settings: PretrainingSettings):
        self.objective = PretrainingObjective(settings.objective)
        self._predictions = 0

    def find_inputs(
        self, settings: PretrainingSettings, left_out: Collection[str] = ()
    ) -> RunInputs:
        """Records, model, vocabulary and checkpoint."""
        inputs = find_inputs(settings, left_out)
        self._predictions = inputs.sources[0].max_predictions_per_seq
        return inputs

    def build_model(self, config: BertConfig, settings: PretrainingSettings):
        """Backbone, masked language model head and next sentence head."""
        return build_pretraining_model(
            config, dtype=settings.precision, recompute=settings.recompute
        )

    def operations(self, config: BertConfig, examples: float, length: float) -> float:
        """Matrix products of encoder and heads, forward and backward."""
        return pretraining_operations(config, examples, length, self._predictions)


def run_pretraining(
    settings: PretrainingSettings, signals: StopSignals | None = None, **watching: Any
) -> dict[str, Any]:
    """Pretrains, evaluates, or both: `training.run.run_training` of a PretrainingTask."""
    return run_training(PretrainingTask(settings), settings, signals, **watching)

"""General distillation: a pretrained model into a smaller one, on pretraining records."""

import dataclasses
from collections.abc import Collection
from typing import Any

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.fingerprint import fingerprint
from clinicalbert_tf.checkpoints.into_model import restore_into
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.modeling.distilled_pretraining import DistilledPretrainingModel
from clinicalbert_tf.tasks.distillation.general_objective import GeneralDistillationObjective
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.distillation.student import find_student
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import PretrainingTask
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.monitor import Shown
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.run import run_training

# What the teacher must have beside its encoder.
_REQUIRED = ("embeddings", "encoder", "masked LM head")


class GeneralDistillationTask(PretrainingTask):
    """Pretraining with a teacher. The student's folder is one of `pretrain` like any other.

    Args:
        settings: of the run.
        distillation: teacher, student and weights.
    """

    shown = (
        *PretrainingTask.shown,
        Shown("soft_loss", "Masked words: distance to the teacher"),
        Shown("hidden_distance", "Hidden states: distance to the teacher"),
        Shown("attention_distance", "Attention: distance to the teacher"),
    )

    def __init__(self, settings: PretrainingSettings, distillation: DistillationSettings):
        super().__init__(settings)
        self._asked = distillation
        self._teacher = open_checkpoint(distillation.teacher)
        self._student = find_student(distillation, self._teacher)
        self.objective = GeneralDistillationObjective(
            self.objective,
            distillation.temperature,
            distillation.soft_weight,
            distillation.hidden_weight,
            distillation.attention_weight,
        )

    def find_inputs(
        self, settings: PretrainingSettings, left_out: Collection[str] = ()
    ) -> RunInputs:
        """Records that fit the teacher's vocabulary, and the student."""
        teacher = dataclasses.replace(settings, init_checkpoint=self._asked.teacher)
        inputs = super().find_inputs(teacher, left_out)
        return dataclasses.replace(
            inputs, config=self._student.config, init_checkpoint=self._student.init_checkpoint
        )

    def build_model(self, config: BertConfig, settings: PretrainingSettings):
        """The student beside its teacher."""
        student = super().build_model(config, settings)
        teacher = build_pretraining_model(self._teacher.config, dtype=settings.precision)
        restore_into(teacher, self._teacher, require=_REQUIRED)
        return DistilledPretrainingModel(student, teacher, self.compared_layers())

    def compared_layers(self) -> tuple[int, ...]:
        """For each layer of the student the teacher's: those it was made of, or evenly spread."""
        ours = self._student.config.num_hidden_layers
        theirs = self._teacher.config.num_hidden_layers
        layers = self._asked.layers
        if layers is not None and len(layers) == ours:
            return layers
        return tuple((layer + 1) * theirs // ours - 1 for layer in range(ours))

    def describe(self) -> dict[str, Any]:
        """What was distilled how."""
        asked = self._asked
        names = ("temperature", "soft_weight", "hidden_weight", "attention_weight")
        described = {name: getattr(asked, name) for name in names}
        described |= {"teacher": fingerprint(self._teacher), "layers": self.compared_layers()}
        return {"distillation": {**described, "layers": list(described["layers"])}}


def run_general_distillation(
    settings: PretrainingSettings,
    distillation: DistillationSettings,
    signals: StopSignals | None = None,
    **watching: Any,
) -> dict[str, Any]:
    """Trains a student on records and a pretrained teacher.

    Args, Returns, Raises: as training.run.run_training.
    """
    task = GeneralDistillationTask(settings, distillation)
    return run_training(task, settings, signals, **watching)

"""Distillation of a fine-tuned model as a task of the engine: the teacher's task, and a teacher."""

import dataclasses
import os
from collections.abc import Collection, Mapping
from typing import Any

from clinicalbert_tf.checkpoints.checkpoint_files import list_checkpoints
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.fingerprint import fingerprint
from clinicalbert_tf.checkpoints.pretrained import from_pretrained
from clinicalbert_tf.input_pipeline.extended_source import ExtendedSource
from clinicalbert_tf.tasks.distillation.objective import DistillationObjective
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.distillation.student import Student, find_student
from clinicalbert_tf.tasks.distillation.targets import TEACHER, soft_target
from clinicalbert_tf.tasks.distillation.teachable import build_task, settings_of_run
from clinicalbert_tf.tasks.distillation.teacher import teacher_outputs
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.monitor import Shown
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.states.run_record import read_run_record

BEST = "best"


class DistilledTask:
    """The teacher's task with the student's model and a second loss.

    All that is not said here is the task's own.

    Args:
        task: of the teacher's run.
        student: what the student starts from.
        objective: the task's loss and the teacher's.
        outputs: the teacher's, by name, for the training examples.
        description: what run.json says of the distillation.
    """

    def __init__(
        self,
        task,
        student: Student,
        objective: DistillationObjective,
        outputs: Mapping[str, Any],
        description: Mapping[str, Any],
    ):
        # The student's folder is one of the task's command, like any other.
        self.name = task.name
        self._task = task
        self._student = student
        self._outputs = outputs
        self._description = dict(description)
        self.objective = objective
        self.monitor = task.monitor
        self.shown = (*task.shown, Shown("soft_loss", "Distance to the teacher"))
        self.headline = task.headline
        self.predicts = task.predicts
        self.predictions_in_files = task.predictions_in_files
        self.evaluates_best = task.evaluates_best
        self.input_decisions = task.input_decisions

    def find_inputs(self, settings, left_out: Collection[str] = ()) -> RunInputs:
        """The task's, with the student's model and the teacher's outputs."""
        inputs = self._task.find_inputs(settings, left_out)
        names = {TEACHER + name: values for name, values in self._outputs.items()}
        per_position = list(names) if self.objective.target.per_position else []
        return dataclasses.replace(
            inputs,
            config=self._student.config,
            init_checkpoint=self._student.init_checkpoint,
            train_source=ExtendedSource(inputs.train_source, names, per_position),
        )

    def build_model(self, config, settings):
        """The task's model in the student's shape."""
        return self._task.build_model(config, settings)

    def operations(self, config, examples: float, length: float) -> float:
        """The task's."""
        return self._task.operations(config, examples, length)

    def describe(self) -> dict[str, Any]:
        """The task's description, and what was distilled how."""
        return {**self._task.describe(), "distillation": self._description}

    def score(self, split: str, predictions):
        """The task's."""
        return self._task.score(split, predictions)

    def finish(self, split, results, predictions, output_dir) -> None:
        """The task's."""
        self._task.finish(split, results, predictions, output_dir)


def run_distillation(
    settings: DistillationSettings,
    given: Mapping[str, Any],
    signals: StopSignals | None = None,
    **watching: Any,
) -> dict[str, Any]:
    """Trains a student on a teacher's task and outputs.

    Args:
        settings: of the distillation.
        given: settings of the run that replace the teacher's, "output_dir" among them.
        signals, watching: as in training.run.run_training.

    Returns:
        What training.run.run_training returns.

    Raises:
        FileNotFoundError, ValueError: the teacher is no fine-tuned run, or the student does not
            fit it.
    """
    folder = best_folder(settings.teacher)
    teacher = open_checkpoint(folder)
    record = read_run_record(settings.teacher) or read_run_record(folder)
    if record is None or teacher.task is None:
        raise ValueError(
            f"{settings.teacher}: expected the folder of a fine-tuned run (run.json and "
            "labels.json), received another one. Fine-tune the teacher first."
        )
    student = find_student(settings, teacher)
    run_settings, task = build_task(
        record["command"],
        {**settings_of_run(record, given), "init_checkpoint": folder},
    )
    target = soft_target(teacher.task.head, teacher.task.problem_type)
    objective = DistillationObjective(
        task.objective, target, settings.temperature, settings.soft_weight
    )
    inputs = task.find_inputs(run_settings)
    identity = fingerprint(teacher)
    outputs = teacher_outputs(
        from_pretrained(folder).task_model,
        identity,
        inputs.train_source,
        target,
        objective.model_inputs,
        settings.teacher_cache or os.path.join(run_settings.output_dir, "teacher"),
        run_settings.eval_batch_size,
        run_settings.length_buckets,
    )
    described = {
        "teacher": identity,
        "temperature": settings.temperature,
        "soft_weight": settings.soft_weight,
        "layers": student.config.num_hidden_layers,
    }
    distilled = DistilledTask(task, student, objective, outputs, described)
    return run_training(distilled, run_settings, signals, **watching)


def best_folder(run: str) -> str:
    """A run's best checkpoint, or the run itself if none was kept apart."""
    best = os.path.join(run, BEST)
    return best if os.path.isdir(best) and list_checkpoints(best) else run

"""What a call of distill asks for: a distillation, and settings of the task that is learnt."""

import json
import os
from collections.abc import Sequence
from typing import Any

from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings

# The folder of the embedded default's teacher, in that of the student.
_TEACHER = "embedded_teacher"


class Asked:
    """What is asked for, before the teacher's task and so its settings are known.

    Args:
        distillation: how the student learns.
        given: settings of the run by name; the others are those of the teacher's run.
    """

    def __init__(self, distillation: DistillationSettings, given: dict[str, Any]):
        self.distillation = distillation
        self.given = given
        self.output_dir = given["output_dir"]
        self.strategy = given.get("strategy", "one_device")
        self.report = given.get("report", True)

    def build_strategy(self) -> None:
        """Builds the run's strategy, which the teacher's work would come too early for."""
        from clinicalbert_tf.training.cluster.strategy import build_strategy

        names = ("num_replicas", "tpu_name", "tpu_zone", "gcp_project", "worker_timeout")
        build_strategy(self.strategy, **{n: self.given[n] for n in names if n in self.given})

    @property
    def invents_teacher(self) -> bool:
        """Whether no teacher was named: one is trained on invented notes first."""
        return self.distillation.teacher == os.path.join(self.output_dir, _TEACHER)

    def doubts(self) -> list[str]:
        """None: the task's settings are not known yet."""
        return []


def make_asked(
    asked: dict[str, Any], given: dict[str, Any], replaced: Sequence[str], general: bool
) -> Asked:
    """What is asked for, from what was typed.

    Args:
        asked: settings of the distillation by name; layers as strings.
        given: settings of the run by name.
        replaced: NAME=VALUE pairs of the teacher's task.
        general: whether the data are pretraining records.

    Raises:
        ValueError: a value is missing, wrong or contradicts another one.
    """
    if "teacher" not in asked and general:
        raise ValueError("Expected --teacher, received none. Name a pretrained model.")
    asked = {"teacher": os.path.join(given["output_dir"], _TEACHER), **asked}
    if "layers" in asked:
        asked["layers"] = layers_given(asked["layers"])
    given = given | replaced_settings(replaced)
    if general:
        given["do_eval"] = bool(given.get("eval_file"))
    return Asked(DistillationSettings(**asked), given)


def run_asked(asked: Asked, **watching: Any) -> dict[str, Any]:
    """Distils on records if they are given, on the teacher's task otherwise.

    Args:
        asked: what to do.
        watching: signals and write_report, as `training.run.run_training` takes them.
    """
    from clinicalbert_tf.tasks.distillation.general import run_general_distillation
    from clinicalbert_tf.tasks.distillation.task import run_distillation

    if "input_file" in asked.given:
        settings = PretrainingSettings(**asked.given)
        return run_general_distillation(settings, asked.distillation, **watching)
    return run_distillation(asked.distillation, asked.given, **watching)


def layers_given(values: Sequence[str]) -> tuple[int, ...]:
    """The layers of --layers.

    Raises:
        ValueError: one is no number.
    """
    try:
        return tuple(int(value) for value in values)
    except ValueError:
        raise ValueError(
            f"Expected --layers to be numbers such as 0,2,4, received {','.join(values)!r}."
        ) from None


def replaced_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """The settings of --set NAME=VALUE by name; a value is JSON, or else a string.

    Raises:
        ValueError: one is no such pair.
    """
    replaced = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ValueError(f"Expected --set NAME=VALUE, received {pair!r}. Correct the flag.")
        try:
            replaced[name] = json.loads(value)
        except json.JSONDecodeError:
            replaced[name] = value
    return replaced

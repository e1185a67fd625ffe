"""Trains a small model on a large one: a fine-tuned one on its task, a pretrained one on records.

    python -m clinicalbert_tf.distill --teacher runs/squad --output_dir runs/small --layers 0,2,4
    python -m clinicalbert_tf.distill --teacher MODEL --input_file records --output_dir runs/mini

Without --input_file, data and settings are those of the teacher's run; flags given here replace
them, and --set NAME=VALUE any other setting of its task. The student is a folder like any other run
of the teacher's command.

Exit codes: as python -m clinicalbert_tf.pretrain.
"""

import json
import shlex
from typing import Any

from absl import flags

from clinicalbert_tf import command
from clinicalbert_tf.flags import define_flags
from clinicalbert_tf.setting_fields import settings_of
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.training.fine_tuning import FineTuningSettings
from tfrecords_builder import command_line

# The student's model comes from the teacher.
_NO_FLAGS = ("init_checkpoint", "bert_config_file", "vocab_file", "do_lower_case", "do_train")
command.define_run_flags(FineTuningSettings, _NO_FLAGS)
_OF_PRETRAINING = [
    name for name in settings_of(PretrainingSettings) if name not in settings_of(FineTuningSettings)
]
define_flags(
    PretrainingSettings, [n for n in settings_of(PretrainingSettings) if n not in _OF_PRETRAINING]
)
define_flags(DistillationSettings, ("layers",))
flags.DEFINE_list("layers", None, settings_of(DistillationSettings)["layers"][1].help)
flags.DEFINE_multi_string("set", [], "NAME=VALUE: a setting of the teacher's task to replace.")


class _Asked:
    """What the flags ask for."""

    def __init__(self, distillation: DistillationSettings, given: dict[str, Any]):
        self.distillation = distillation
        self.given = given
        self.output_dir = given["output_dir"]
        self.strategy = given.get("strategy", "one_device")
        self.report = given.get("report", True)

    def doubts(self) -> list[str]:
        """None: the task's settings are not known yet."""
        return []


def settings_from_flags(default_output_dir: str) -> _Asked:
    """What the flags ask for.

    Raises:
        ValueError: flags are missing, contradict each other or are out of range.
    """
    general = flags.FLAGS.input_file is not None
    kind = PretrainingSettings if general else FineTuningSettings
    given = command.settings_given(kind, default_output_dir)
    names = [name for name in settings_of(DistillationSettings) if flags.FLAGS[name].present]
    asked = {name: flags.FLAGS[name].value for name in names}
    if "teacher" not in asked:
        raise ValueError("Expected --teacher, received none. Name the folder of a fine-tuned run.")
    if "layers" in asked:
        asked["layers"] = _numbers(asked["layers"])
    given |= _replaced(flags.FLAGS["set"].value)
    if general:
        given["do_eval"] = bool(given.get("eval_file"))
    return _Asked(DistillationSettings(**asked), given)


def _numbers(values: list[str]) -> tuple[int, ...]:
    try:
        return tuple(int(value) for value in values)
    except ValueError:
        raise ValueError(
            f"Expected --layers to be numbers such as 0,2,4, received {','.join(values)!r}."
        ) from None


def _replaced(pairs: list[str]) -> dict[str, Any]:
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


def _run(asked: _Asked, signals) -> dict[str, Any]:
    # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
    from clinicalbert_tf.report.page import write_report
    from clinicalbert_tf.tasks.distillation.general import run_general_distillation
    from clinicalbert_tf.tasks.distillation.task import run_distillation

    if "input_file" in asked.given:
        settings = PretrainingSettings(**asked.given)
        return run_general_distillation(
            settings, asked.distillation, signals, write_report=write_report
        )
    return run_distillation(asked.distillation, asked.given, signals, write_report=write_report)


def _say_results(asked: _Asked, results: dict[str, Any]) -> None:
    command.say_run_results(asked, results)
    folder = shlex.quote(asked.output_dir)
    print(f"  python -m clinicalbert_tf.convert_checkpoint {folder} TARGET --format onnx")


def main(argv):
    command.run_command("distill", argv, settings_from_flags, _run, _say_results)


if __name__ == "__main__":
    command_line.run(main)

"""Trains a small model on a large one: a fine-tuned one on its task, a pretrained one on records.

    python -m clinicalbert_tf.distill --teacher runs/squad --output_dir runs/small --layers 0,2,4
    python -m clinicalbert_tf.distill --teacher MODEL --input_file records --output_dir runs/mini

Without --input_file, data and settings are those of the teacher's run; flags replace them, and
--set NAME=VALUE any other setting of its task. The student is a run of the teacher's command.
Without --teacher and --input_file a tiny one is trained first, on invented notes.

Exit codes: as python -m clinicalbert_tf.pretrain.
"""

import shlex
from typing import Any

from absl import flags

from clinicalbert_tf import command
from clinicalbert_tf.flags import define_flags
from clinicalbert_tf.setting_fields import settings_of
from clinicalbert_tf.tasks.distillation.asked import Asked, make_asked, run_asked
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.training.fine_tuning import FineTuningSettings
from tfrecords_builder import command_line

FLAGS = flags.FLAGS
# The student comes from the teacher.
_NO_FLAGS = ("init_checkpoint", "bert_config_file", "vocab_file", "do_lower_case", "do_train")
command.define_run_flags(FineTuningSettings, _NO_FLAGS)
define_flags(PretrainingSettings, settings_of(FineTuningSettings))
define_flags(DistillationSettings, ("layers",))
flags.DEFINE_list("layers", None, settings_of(DistillationSettings)["layers"][1].help)
flags.DEFINE_multi_string("set", [], "NAME=VALUE: a setting of the teacher's task to replace.")


def settings_from_flags(default_output_dir: str) -> Asked:
    """What the flags ask for.

    Raises:
        ValueError: flags are missing, contradict each other or are out of range.
    """
    general = FLAGS.input_file is not None
    kind = PretrainingSettings if general else FineTuningSettings
    given = command.settings_given(kind, default_output_dir)
    names = settings_of(DistillationSettings)
    asked = {name: FLAGS[name].value for name in names if FLAGS[name].present}
    return make_asked(asked, given, FLAGS["set"].value, general)


def _run(asked: Asked, signals) -> dict[str, Any]:
    # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
    from clinicalbert_tf.report.page import write_report

    asked.build_strategy()
    if asked.invents_teacher:
        from clinicalbert_tf.embedded_tools import train_classifier

        train_classifier(asked.distillation.teacher, signals)
    return run_asked(asked, signals=signals, write_report=write_report)


def _say_results(asked: Asked, results: dict[str, Any]) -> None:
    command.say_run_results(asked, results)
    source = shlex.quote(asked.output_dir)
    print(f"  python -m clinicalbert_tf.convert_checkpoint {source} TARGET --format onnx")


def main(argv):
    command.run_command("distill", argv, settings_from_flags, _run, _say_results)


if __name__ == "__main__":
    command_line.run(main)

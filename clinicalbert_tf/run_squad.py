"""Fine-tunes BERT to answer questions by a part of a text, and answers questions.

Takes the flags of the reference's run_squad.py, and files of SQuAD 1.1 and 2.0, BioASQ B and emrQA.
With no data flags it makes up notes and questions and trains a tiny BERT, to show the whole way.

Exit codes: as python -m clinicalbert_tf.pretrain.
"""

import os
import shlex
from typing import Any

from absl import flags

from clinicalbert_tf import command
from clinicalbert_tf.tasks.question_answering.settings import (
    REFERENCE_DEFAULTS,
    QuestionAnsweringSettings,
)
from tfrecords_builder import command_line

_DATA_FLAGS = ("train_file", "dev_file", "predict_file")
_MODEL_FLAGS = ("bert_config_file", "vocab_file", "init_checkpoint")
command.define_run_flags(QuestionAnsweringSettings)
flags.DEFINE_integer(
    "predict_batch_size", None, "The reference's name for --eval_batch_size.", lower_bound=1
)


def settings_from_flags(default_output_dir: str) -> QuestionAnsweringSettings:
    """The settings that the flags ask for; the embedded default's if no data flag is given.

    Args:
        default_output_dir: where everything goes without --output_dir.

    Raises:
        ValueError: flags are missing, contradict each other or are out of range.
    """
    given = command.settings_given(QuestionAnsweringSettings, default_output_dir)
    if flags.FLAGS.predict_batch_size is not None:
        given.setdefault("eval_batch_size", flags.FLAGS.predict_batch_size)
    if not any(given.get(name) for name in (*_DATA_FLAGS, *_MODEL_FLAGS)):
        from clinicalbert_tf import embedded_questions

        # --output_dir alone resumes the run that lies there.
        earlier = command.settings_of_run(QuestionAnsweringSettings, given)
        given = {**earlier, **given} if earlier else embedded_questions.prepare(given)
    if given.get("answers") == "reference":
        given = {**REFERENCE_DEFAULTS, **given}
    given.setdefault("do_predict", bool(given.get("predict_file")))
    given.setdefault("do_train", bool(given.get("train_file")))
    held_out = given.get("dev_file") or given.get("dev_proportion") or given["do_predict"]
    # The reference has no --do_eval: --do_predict alone answers questions.
    given.setdefault("do_eval", bool(held_out))
    return QuestionAnsweringSettings(**given)


def _run(settings: QuestionAnsweringSettings, signals) -> dict[str, Any]:
    # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
    from clinicalbert_tf.report.page import write_report
    from clinicalbert_tf.tasks.question_answering.task import run_question_answering

    return run_question_answering(settings, signals, write_report=write_report)


def _say_results(settings: QuestionAnsweringSettings, results: dict[str, Any]) -> None:
    command.say_run_results(settings, results)
    if settings.do_predict:
        print(f"  {os.path.join(settings.output_dir, 'predictions.json')} holds the answers")
        return
    again = "  python -m clinicalbert_tf.run_squad --do_predict --predict_file=QUESTIONS.json"
    print(f"{again} --output_dir={shlex.quote(settings.output_dir)}")


def main(argv):
    command.run_command("run_squad", argv, settings_from_flags, _run, _say_results)


if __name__ == "__main__":
    command_line.run(main)

"""Pretrains BERT on records of clinical notes, and evaluates it.

Takes the flags of the reference's run_pretraining. With no data flags at all it makes up notes,
learns a vocabulary from them and trains a tiny BERT, to show the whole way.

Exit codes: 0 done; 1 failed, with one message that says what to do; 75 stopped by SIGTERM with the
state saved, 130 by SIGINT; 76 another worker was lost: start all again, which resumes.
"""

import os
import shlex
from typing import Any

from clinicalbert_tf import command
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from tfrecords_builder import command_line

# Giving none of these asks for the embedded default.
_DATA_FLAGS = ("input_file", "eval_file", "bert_config_file", "vocab_file", "init_checkpoint")
command.define_run_flags(PretrainingSettings)


def settings_from_flags(default_output_dir: str) -> PretrainingSettings:
    """The settings that the flags ask for; the embedded default's if no data flag is given.

    Args:
        default_output_dir: where everything goes without --output_dir.

    Raises:
        ValueError: flags are missing, contradict each other or are out of range.
    """
    given = command.settings_given(PretrainingSettings, default_output_dir)
    without_data = not any(given.get(name) for name in _DATA_FLAGS)
    if without_data and (earlier := command.settings_of_run(PretrainingSettings, given)):
        # --output_dir alone resumes the run that lies there.
        return PretrainingSettings(**{**earlier, **given})
    if without_data and given.get("do_train", True):
        from clinicalbert_tf import embedded_default

        prepare = command.is_chief(given)
        return (embedded_default.prepare if prepare else embedded_default.await_chief)(given)
    what_to_do = command.what_to_do(given, held_out=bool(given.get("eval_file")))
    given["do_train"], given["do_eval"] = what_to_do
    if not given["do_train"]:
        given.setdefault("input_file", given.get("eval_file"))
    given.setdefault("input_file", "")
    return PretrainingSettings(**given)


def _run(settings: PretrainingSettings, signals) -> dict[str, Any]:
    # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
    from clinicalbert_tf.report.page import write_report
    from clinicalbert_tf.tasks.pretraining.task import run_pretraining

    return run_pretraining(settings, signals, write_report=write_report)


def _say_results(settings: PretrainingSettings, results: dict[str, Any]) -> None:
    command.say_run_results(settings, results)
    if "train" not in results:
        return
    again = "  python -m clinicalbert_tf.pretrain"
    if "eval" not in results:
        print(
            f"{again} --do_train=False --do_eval=True "
            f"--output_dir={shlex.quote(settings.output_dir)} --input_file=HELD_OUT_RECORDS"
        )
    if settings.input_file.startswith(os.path.join(settings.output_dir, "data", "")):
        build = "  python -m tfrecords_builder --input NOTEEVENTS.csv.gz --vocab_file vocab.txt"
        print(f"{build} --output_dir records")
        print(f"{again} --input_file records --init_checkpoint RELEASED_CHECKPOINT")


def main(argv):
    command.run_command("pretrain", argv, settings_from_flags, _run, _say_results)


if __name__ == "__main__":
    command_line.run(main)

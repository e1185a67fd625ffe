"""Fine-tunes BERT to find entities, evaluates it, and labels notes.

Takes the flags of the reference's run_ner.py as run_i2b2.sh types them. With no data flags at all
it makes up sentences and trains a tiny BERT on them, to show the whole way.

    python -m clinicalbert_tf.run_i2b2 --task_name=i2b2_2010 --data_dir=RAW --init_checkpoint=BERT
    python -m clinicalbert_tf.run_i2b2 --do_predict --output_dir=RUN --input=notes.jsonl \
        --output=entities.jsonl

Exit codes: as python -m clinicalbert_tf.pretrain.
"""

import functools
import os
import shlex
import sys
from typing import Any

from absl import flags

from clinicalbert_tf import command
from clinicalbert_tf.i2b2_command import choose_what_to_do, many_seeds, with_folder
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from tfrecords_builder import command_line

FLAGS = flags.FLAGS
_DATA_FLAGS = ("data_dir", "bert_config_file", "vocab_file", "init_checkpoint")
command.define_run_flags(TaggingSettings, left_out=("fold",))
flags.DEFINE_integer(
    "predict_batch_size", None, "The reference's name for --eval_batch_size.", lower_bound=1
)
flags.DEFINE_integer(
    "cross_val_sz", None, "The reference's name for --cross_validation.", lower_bound=3
)
flags.DEFINE_string(
    "write_features",
    None,
    "Folder to write what the model reads to; without a value the output folder. Alone it does "
    "nothing else, and needs a vocabulary but no model.",
)
flags.DEFINE_string(
    "seeds", None, "Several seeds N,N,...: a run each, in OUTPUT_DIR/seed-N, and their mean."
)
flags.DEFINE_string(
    "sweep",
    None,
    "A file of flags with several values each, --NAME=A,B: a run for each combination, the best "
    "one chosen on dev and tested once.",
)
flags.DEFINE_string(
    "input", None, "Notes to label with the model of --output_dir: .jsonl, .csv or a folder."
)
flags.DEFINE_string("output", None, "Where the entities of --input go: a file, or a folder.")
flags.DEFINE_enum(
    "format", "jsonl", ("jsonl", "brat", "con", "xml"), "How the entities of --input are written."
)


def settings_from_flags(default_output_dir: str) -> TaggingSettings:
    """The settings that the flags ask for; the embedded default's if no data flag is given.

    Args:
        default_output_dir: where everything goes without --output_dir.

    Raises:
        ValueError: flags are missing, contradict each other or are out of range.
    """
    given = command.settings_given(TaggingSettings, default_output_dir)
    if FLAGS.predict_batch_size is not None:
        given.setdefault("eval_batch_size", FLAGS.predict_batch_size)
    if FLAGS.cross_val_sz is not None:
        given.setdefault("cross_validation", FLAGS.cross_val_sz)
    if not any(given.get(name) for name in _DATA_FLAGS):
        from clinicalbert_tf import embedded_entities

        given = embedded_entities.prepare(given)
    if given.get("data_dir") is None:
        raise ValueError(
            "Expected --data_dir with the sentences of the task, received none. Name the folder, "
            "or give no data flags at all for the embedded default."
        )
    if given.get("loss") == "reference" or given.get("strategy") == "tpu":
        # The reference's sum goes over all padding; a TPU needs batches of one shape.
        given.setdefault("length_buckets", 0)
    choose_what_to_do(given)
    return TaggingSettings(**given)


def _run(settings: TaggingSettings, signals) -> dict[str, Any]:
    # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
    from clinicalbert_tf.report.page import write_report
    from clinicalbert_tf.tasks.tagging import several
    from clinicalbert_tf.tasks.tagging.task import run_tagging

    if FLAGS.write_features is not None:
        _write_features(settings)
    run = functools.partial(run_tagging, signals=signals, write_report=write_report)
    if FLAGS.sweep:
        return {"summary": several.run_sweep(settings, FLAGS.sweep, run)}
    if settings.cross_validation is not None:
        return {"summary": several.run_folds(settings, run)}
    if FLAGS.seeds:
        return {"summary": several.run_seeds(settings, many_seeds(FLAGS.seeds), run)}
    return run(settings)


def _say_results(settings: TaggingSettings, results: dict[str, Any]) -> None:
    if "summary" in results:
        _say_summary(settings, results["summary"])
        return
    command.say_run_results(settings, results)
    for part, scores in results.get("evaluations", {}).items():
        print(f"  {part}: exact F1 {scores['f1']:.4f} ({settings.output_dir}/metrics.json)")
    print(
        "  python -m clinicalbert_tf.run_i2b2 --do_predict "
        f"--output_dir={shlex.quote(settings.output_dir)} --input=notes.jsonl "
        "--output=entities.jsonl"
    )


def _say_summary(settings: TaggingSettings, summary: dict[str, Any]) -> None:
    print(f"{settings.output_dir}/summary.json:")
    for part, figures in summary.get("over_runs", {}).items():
        f1 = figures["f1"]
        print(
            f"  {part}: exact F1 {f1['mean']:.4f}, standard deviation {f1['std']:.4f} over "
            f"{f1['runs']} runs"
        )
    if "sweep" in summary:
        print(f"  best on dev: {summary['sweep']['chosen']}")
    if "test" in summary:
        print(f"  test: exact F1 {summary['test']['f1']:.4f}")


def _write_features(settings: TaggingSettings) -> None:
    from clinicalbert_tf.tasks.tagging.feature_files import write_feature_files

    written = write_feature_files(FLAGS.write_features or settings.output_dir, settings)
    for path, count in written.items():
        print(f"Wrote {count:,} records: {path}")


def write_features_alone() -> None:
    """Writes the features and nothing else.

    Raises:
        SystemExit: a message that says what is wrong.
    """
    os.umask(0o077)
    try:
        _write_features(settings_from_flags("."))
    except (ValueError, OSError) as error:
        sys.exit(f"run_i2b2: {error}")


def label_input() -> None:
    """Labels the notes of --input with the model of a run.

    Raises:
        SystemExit: a message that says what is wrong.
    """
    os.umask(0o077)
    run = FLAGS.output_dir or FLAGS.init_checkpoint
    if run is None or FLAGS.output is None:
        sys.exit(
            "run_i2b2: Expected --output_dir (the run of a trained model) and --output with "
            f"--input, received {'no run' if run is None else 'no --output'}."
        )
    try:
        from clinicalbert_tf.inference.entities.note_inputs import read_notes
        from clinicalbert_tf.inference.entities.outputs import write_entities
        from clinicalbert_tf.inference.entities.tagger import load_tagger, whole_notes
        from tfrecords_builder.notes.reading import read_notes as read_noteevents

        notes = read_notes(FLAGS.input, read_noteevents)
        rule = None if FLAGS.word_rule == "auto" else FLAGS.word_rule
        tagger = load_tagger(run, rule)
        written, found = write_entities(
            notes,
            lambda texts: whole_notes(tagger.entities_of_notes(texts)),
            FLAGS.output,
            FLAGS.format,
        )
    except (ValueError, OSError) as error:
        sys.exit(f"run_i2b2: {error}")
    resumed = f", {found} were there already" if found else ""
    print(f"{FLAGS.output}: entities of {written} notes{resumed}.")


def main(argv):
    asked = any(FLAGS[name].value for name in ("do_train", "do_eval", "do_predict"))
    if FLAGS.input is not None:
        label_input()
    elif FLAGS.write_features is not None and not asked:
        write_features_alone()
    else:
        command.run_command("run_i2b2", argv, settings_from_flags, _run, _say_results)


if __name__ == "__main__":
    sys.argv = with_folder(sys.argv)
    command_line.run(main)

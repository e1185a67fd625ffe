"""The steps behind `python -m clinicalbert_tf.run_i2b2`: flags to library calls."""

import functools
import os
import shlex
from typing import Any

from absl import flags

from clinicalbert_tf import command
from clinicalbert_tf.flags import define_table
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.tool_command import one_core_per_batch, run_tool

FLAGS = flags.FLAGS
# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
_DATA_FLAGS = ("data_dir", "bert_config_file", "vocab_file", "init_checkpoint")
# (kind, name, default, help, further arguments)
_FLAGS = (
    (flags.DEFINE_integer, "predict_batch_size", None,
        "The reference's name for --eval_batch_size.", {"lower_bound": 1}),
    (flags.DEFINE_integer, "cross_val_sz", None,
        "The reference's name for --cross_validation.", {"lower_bound": 3}),
    (flags.DEFINE_string, "write_features", None, """Folder to write what the model reads to;
        without a value the output folder. Alone it does nothing else, and needs a vocabulary but
        no model."""),
    (flags.DEFINE_string, "input", None,
        """Notes to label with the model of --output_dir or, if no run is
        there, of --init_checkpoint: .jsonl, .csv or a folder."""),
    (flags.DEFINE_string, "output", None,
        "Where the entities of --input go: a file, or a folder."),
    (flags.DEFINE_enum, "format", "jsonl", "How the entities of --input are written.",
        {"enum_values": ("jsonl", "brat", "con", "xml")}),
)  # fmt: skip


def define_tagging_flags() -> None:
    """Defines the flags that are no settings of a run."""
    define_table(_FLAGS)
    command.define_seeds_flag()
    command.define_sweep_flag()


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

        # --output_dir alone resumes the run that lies there.
        earlier = command.settings_of_run(TaggingSettings, given)
        given = {**earlier, **given} if earlier else embedded_entities.prepare(given)
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


def choose_what_to_do(given: dict[str, Any]) -> None:
    """Nothing asked for is everything that the data allows; --do_predict alone trains nothing."""
    names = ("do_train", "do_eval", "do_predict")
    asked = any(given.get(name) for name in names)
    for name in names[:2]:
        given.setdefault(name, not asked)
    given.setdefault("do_predict", False if asked else None)
    given["evaluate_dev"] = given["do_eval"]
    given["do_eval"] = given["do_eval"] or given["do_predict"] is not False


def run(settings: TaggingSettings, signals) -> dict[str, Any]:
    """One run, or those of --seeds, --sweep or --cross_validation."""
    # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
    from clinicalbert_tf.report.page import write_report
    from clinicalbert_tf.tasks.tagging import several
    from clinicalbert_tf.tasks.tagging.task import run_tagging

    if FLAGS.write_features is not None:
        _write_features(settings)
    one_run = functools.partial(run_tagging, signals=signals, write_report=write_report)
    if FLAGS.sweep:
        return {"summary": several.run_sweep(settings, FLAGS.sweep, one_run)}
    if settings.cross_validation is not None:
        return {"summary": several.run_folds(settings, one_run)}
    if FLAGS.seeds:
        seeds = command.many_seeds(FLAGS.seeds)
        return {"summary": several.run_seeds(settings, seeds, one_run)}
    return one_run(settings)


def say_results(settings: TaggingSettings, results: dict[str, Any]) -> None:
    """Prints figures, files and what to run next."""
    if "summary" in results:
        _say_summary(settings, results["summary"])
        return
    command.say_run_results(settings, results)
    if results.get("evaluations"):
        from clinicalbert_tf.tasks.tagging.score_lines import score_lines

        for line in score_lines(settings.output_dir):
            print(f"  {line}")
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


def write_features_alone() -> None:
    """Writes the features and nothing else.

    Raises:
        SystemExit: a message that says what is wrong.
    """
    os.umask(0o077)
    run_tool("run_i2b2", lambda: _write_features(settings_from_flags(".")))


def _write_features(settings: TaggingSettings) -> None:
    from clinicalbert_tf.tasks.tagging.feature_files import write_feature_files

    written = write_feature_files(FLAGS.write_features or settings.output_dir, settings)
    for path, count in written.items():
        print(f"Wrote {count:,} records: {path}")


def label_input() -> None:
    """Labels the notes of --input with the model of a run.

    Raises:
        SystemExit: a message that says what is wrong.
    """
    os.umask(0o077)
    one_core_per_batch()
    run_tool("run_i2b2", _label_input)


def _label_input() -> str:
    from clinicalbert_tf.checkpoints.task_file import NAME as LABELS_NAME

    # As the reference types it, --init_checkpoint is what the run in --output_dir was made from.
    named = [folder for folder in (FLAGS.output_dir, FLAGS.init_checkpoint) if folder]
    runs = (folder for folder in named if os.path.isfile(os.path.join(folder, LABELS_NAME)))
    run_folder = next(iter((*runs, *named)), None)
    if run_folder is None or FLAGS.output is None:
        raise ValueError(
            "Expected --output_dir or --init_checkpoint (a trained run) and --output with "
            f"--input, received {'no run' if run_folder is None else 'no --output'}."
        )
    from clinicalbert_tf.inference.entities.labelling import label_notes
    from tfrecords_builder.notes.reading import read_notes

    rule = None if FLAGS.word_rule == "auto" else FLAGS.word_rule
    written, found = label_notes(
        run_folder, FLAGS.input, FLAGS.output, FLAGS.format, rule, read_notes
    )
    resumed = f", {found} were there already" if found else ""
    return f"{FLAGS.output}: entities of {written} notes{resumed}."


def with_folder(argv: list[str]) -> list[str]:
    """The arguments with --write_features= if --write_features stands without a folder."""
    following = [*argv[1:], "--"]
    return [
        f"{argument}="
        if argument in ("--write_features", "-write_features") and behind.startswith("-")
        else argument
        for argument, behind in zip(argv, following, strict=True)
    ]

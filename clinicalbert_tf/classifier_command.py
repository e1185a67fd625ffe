"""The steps behind `python -m clinicalbert_tf.run_classifier`: flags to library calls."""

import contextlib
import os
import shlex
import sys
from typing import Any

from absl import flags, logging

from clinicalbert_tf import command
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.tool_command import one_core_per_batch
from clinicalbert_tf.training import endings

FLAGS = flags.FLAGS
# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
_DATA_FLAGS = ("task_name", "data_dir", "train_file", "init_checkpoint", "bert_config_file")
_MODEL_FLAGS = ("model_loc", "bert_model")


def define_classifier_flags() -> None:
    """Defines the flags that are no settings of a run."""
    flags.DEFINE_string(
        "model_loc", None, "The reference's name for --init_checkpoint: the model's folder."
    )
    flags.DEFINE_string(
        "bert_model",
        None,
        "The reference's name of the model; a path is taken for --init_checkpoint if --model_loc "
        "is not given.",
    )
    command.define_seeds_flag()
    command.define_sweep_flag()
    flags.DEFINE_bool(
        "baseline", False, "Fit TF-IDF and logistic regression on the same splits, and compare."
    )
    flags.DEFINE_string(
        "write_features", None, "Folder to write the reference's records to, one file per split."
    )
    flags.DEFINE_bool("do_predict", False, "Predict --predict_file with --init_checkpoint.")
    flags.DEFINE_string("predict_file", None, "Table of texts to predict, of any size.")
    flags.DEFINE_bool(
        "serve_check",
        False,
        "Export the run as SavedModel, load it in a fresh process and compare its answers.",
    )


class ClassifierCommand:
    """One call of the command."""

    def __init__(self):
        self._data: LabelledData | None = None
        self._evaluated: tuple[str, ...] = ()
        self._given: dict[str, Any] = {}
        self._embedded = False

    @property
    def writes_features_only(self) -> bool:
        """Whether nothing but --write_features is asked for."""
        asked = ("do_train", "do_eval", "do_test", "do_predict")
        return FLAGS.write_features is not None and not any(
            FLAGS[name].present and FLAGS[name].value for name in asked
        )

    @property
    def predicts(self) -> bool:
        """Whether --do_predict asks for predictions of a file."""
        return FLAGS.do_predict

    def write_features(self) -> None:
        """Writes the reference's records; needs a vocabulary, no model."""
        with _explained():
            given = _given("")
            # A run's folder has its vocabulary.
            if not any(map(given.get, ("vocab_file", "init_checkpoint", "output_dir"))):
                raise ValueError(
                    "Expected --vocab_file (with --do_lower_case if it is doubtful) or "
                    "--init_checkpoint with --write_features, received neither."
                )
            from clinicalbert_tf.tasks.classification.run import read_data

            _require_task(given)
            self._say_data(read_data(given))
            self._write_features(given)

    def predict(self) -> None:
        """Predicts a file with a fine-tuned model."""
        one_core_per_batch()
        with _explained():
            from clinicalbert_tf.inference.classification.files import predict_file

            given = _given(os.path.join("runs", "predictions"))
            for name in ("init_checkpoint", "predict_file"):
                if not (given.get(name) or FLAGS[name].value):
                    raise ValueError(f"Expected --{name} with --do_predict, received none.")
            path, counts = predict_file(given["init_checkpoint"], FLAGS.predict_file, given)
            print(f"{counts}\nWrote {counts.rows:,} predictions: {path}")

    def settings(self, default_output_dir: str) -> ClassificationSettings:
        """The settings that the flags ask for, the examples read; the embedded default without."""
        from clinicalbert_tf.tasks.classification.run import prepare, read_data

        given = _given(default_output_dir)
        if not any(given.get(name) for name in _DATA_FLAGS):
            from clinicalbert_tf import embedded_classification

            # --output_dir alone resumes the run that lies there.
            earlier = command.settings_of_run(ClassificationSettings, given)
            self._embedded = earlier is None
            given = {**earlier, **given} if earlier else embedded_classification.prepare(given)
        _require_task(given)
        self._data = read_data(given)
        self._say_data(self._data)
        if FLAGS.write_features is not None:
            self._write_features(given)
        prepared = prepare(given, self._data)
        self._given, self._evaluated = given, prepared.evaluated
        return prepared.settings

    def run(self, settings: ClassificationSettings, signals) -> dict[str, Any]:
        """One run, or those of --seeds or --sweep."""
        # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
        from clinicalbert_tf.report.page import write_report
        from clinicalbert_tf.tasks.classification import several
        from clinicalbert_tf.tasks.classification.run import Prepared, run_classification

        prepared = Prepared(settings, self._data, self._evaluated)
        watching = {"signals": signals, "write_report": write_report, "baseline": FLAGS.baseline}
        if FLAGS.sweep:
            return several.run_sweep(self._given, self._data, FLAGS.sweep, **watching)
        if FLAGS.seeds:
            return several.run_seeds(prepared, command.many_seeds(FLAGS.seeds), **watching)
        return run_classification(prepared, **watching)

    def say_results(self, settings: ClassificationSettings, results: dict[str, Any]) -> None:
        """Prints figures, files and what to run next."""
        from clinicalbert_tf.tasks.classification.summary import summary_lines

        for line in summary_lines(settings, results):
            print(line)
        folder = shlex.quote(settings.output_dir)
        if FLAGS.serve_check:
            from clinicalbert_tf.checkpoints.writers.conversion import (
                ConversionSettings,
                convert,
            )

            target = f"{os.path.normpath(settings.output_dir)}-saved_model"
            made = convert(
                ConversionSettings(
                    settings.output_dir, target, "saved_model",
                    overwrite=True, serve_check=True,
                )
            )  # fmt: skip
            print(f"Exported to serve: {target}")
            for remark in made.remarks:
                print(f"  {remark}")
        print("Next:")
        print(
            "  python -m clinicalbert_tf.run_classifier --do_predict --predict_file=NEW.csv "
            f"--init_checkpoint={folder} --output_dir=predictions"
        )
        print(f"  tensorboard --logdir {folder}")
        if self._embedded:
            print(
                "  python -m clinicalbert_tf.run_classifier --task_name=csv --train_file=YOURS.csv "
                "--problem_type=single --do_split=0.8,0.1,0.1 --init_checkpoint=RELEASED_MODEL"
            )

    def _write_features(self, given: dict[str, Any]) -> None:
        from clinicalbert_tf.datasets.classification.record_files import write_records
        from clinicalbert_tf.tasks.classification.run import read_data
        from clinicalbert_tf.tasks.starting_model import find_tokenizer

        data = self._data or read_data(given)
        defaults = {"output_dir": ".", "task_name": "csv"}
        settings = ClassificationSettings(**{**defaults, **_with_steps_of_one(given)})
        tokenizer = find_tokenizer(settings)
        written = write_records(
            FLAGS.write_features, data, tokenizer, settings.max_seq_length, settings.features
        )
        for path, count in written.items():
            print(f"Wrote {count:,} records: {path}")

    def _say_data(self, data: LabelledData) -> None:
        for split in data.splits.values():
            for counts in split.counts:
                print(counts, flush=True)
            for notice in split.notices:
                logging.info("%s.", notice)
            print(f"{split.name}: {len(split):,} examples", flush=True)
        for finding in data.findings:
            logging.warning("%s", finding)


@contextlib.contextmanager
def _explained():
    """Ends with one message and status 1 if something is wrong that a user can mend."""
    os.umask(0o077)
    try:
        yield
    except Exception as error:
        message = endings.explanation(error)
        if message is None:
            raise
        sys.exit(f"run_classifier: {message}")


def _given(default_output_dir: str) -> dict[str, Any]:
    given = command.settings_given(ClassificationSettings, default_output_dir)
    for name in _MODEL_FLAGS:
        path = FLAGS[name].value
        if path and not given.get("init_checkpoint"):
            if name == "bert_model" and not os.path.exists(path):
                raise ValueError(
                    f"Expected a model's folder or archive, received --bert_model={path}: nothing "
                    "is downloaded here. Give its path with --model_loc or --init_checkpoint."
                )
            given["init_checkpoint"] = path
    return given


def _require_task(given: dict[str, Any]) -> None:
    if not given.get("task_name"):
        from clinicalbert_tf.datasets.classification.catalogue import CATALOGUE

        raise ValueError(
            f"Expected --task_name, one of {', '.join(CATALOGUE)}, received none. csv, tsv, jsonl "
            "and parquet read tables of your own."
        )


def _with_steps_of_one(given: dict[str, Any]) -> dict[str, Any]:
    from clinicalbert_tf.training.fine_tuning import with_steps

    return with_steps(given, 1, False) | {"do_train": True}

"""The steps behind `python -m clinicalbert_tf.run_readmission`: flags to library calls."""

import os
import shlex
from typing import Any

from absl import flags, logging

from clinicalbert_tf import command
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.setting_fields import settings_of
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings

FLAGS = flags.FLAGS
# --help of the command lists the flags that are defined here for it.
flags.disclaim_key_flags()
TASKS = ("readmission", "diagnosis")
_MODES = {"discharge": "discharge", "early": "early_3", "early_2": "early_2", "early_3": "early_3"}
_DATA_FLAGS = ("data_dir", "init_checkpoint", "bert_config_file")
# What tables of a user's own need; this command reads the files of its own data sets.
_NO_FLAGS = (*(set(settings_of(DataSettings)) - {"data_dir"}), "long_documents", "features")
_DEFAULTS = {"task_name": "readmission", "max_seq_length": 512}
# Flags of the reference that mean nothing here, where the engine decides.
_WITHOUT_EFFECT = ("no_cuda", "optimize_on_cpu")


def define_readmission_flags() -> None:
    """Defines the flags: one per setting, and those that are no settings of a run."""
    command.define_run_flags(ClassificationSettings, _NO_FLAGS, _DEFAULTS)
    flags.DEFINE_enum(
        "readmission_mode",
        None,
        list(_MODES),
        "discharge (summaries) or early (notes of the first 3 days; early_2, early_3): the folder "
        "of --data_dir that is read. Default: --data_dir itself if it holds train.jsonl, otherwise "
        "discharge.",
    )
    flags.DEFINE_string(
        "bert_model", None, "The reference's name for --init_checkpoint: a folder or an archive."
    )
    flags.DEFINE_integer(
        "cross_validation",
        0,
        "Folds by patient over all splits together, in OUTPUT_DIR/fold-N; 0 trains once.",
        lower_bound=0,
    )
    command.define_seeds_flag()
    flags.DEFINE_bool(
        "baseline", True, "Fit TF-IDF and logistic regression on the same splits, and compare."
    )
    flags.DEFINE_bool("fp16", False, "The reference's way to say --precision=mixed_float16.")
    flags.DEFINE_float("loss_scale", 0, "The reference's; the loss is scaled dynamically here.")
    flags.DEFINE_integer("local_rank", -1, "The reference's; see --strategy.")
    for name in _WITHOUT_EFFECT:
        flags.DEFINE_bool(name, False, "The reference's; without effect here.")


class ReadmissionCommand:
    """One call of the command."""

    def __init__(self):
        self._data = None
        self._evaluated: tuple[str, ...] = ()
        self._given: dict[str, Any] = {}
        self._embedded = False

    def settings(self, default_output_dir: str) -> ClassificationSettings:
        """The settings that the flags ask for, the documents read; the embedded default without."""
        from clinicalbert_tf.tasks.classification.run import prepare, read_data

        given = _given(default_output_dir)
        if not any(given.get(name) for name in _DATA_FLAGS):
            from clinicalbert_tf import embedded_readmission

            # --output_dir alone resumes the run that lies there.
            earlier = command.settings_of_run(ClassificationSettings, given)
            self._embedded = earlier is None
            given = {**earlier, **given} if earlier else embedded_readmission.prepare(given)
        given["data_dir"] = _folder(given)
        self._data = read_data(given)
        for split in self._data.splits.values():
            patients = {example.group for example in split.examples}
            print(
                f"{split.name}: {len(split):,} admissions of {len(patients):,} patients, "
                f"{split.path}",
                flush=True,
            )
            for notice in split.notices:
                logging.info("%s.", notice)
        for finding in self._data.findings:
            logging.warning("%s", finding)
        prepared = prepare(given, self._data)
        self._given, self._evaluated = given, prepared.evaluated
        return prepared.settings

    def run(self, settings: ClassificationSettings, signals) -> dict[str, Any]:
        """One run, or those of --seeds or --cross_validation."""
        # Late: with TensorFlow behind it, --help and wrong flags would take seconds.
        from clinicalbert_tf.report.page import write_report
        from clinicalbert_tf.tasks.classification import several
        from clinicalbert_tf.tasks.classification.run import Prepared, run_classification
        from clinicalbert_tf.tasks.long_documents import cross_validation

        watching = {"signals": signals, "write_report": write_report, "baseline": FLAGS.baseline}
        if FLAGS.cross_validation:
            folds = FLAGS.cross_validation
            return cross_validation.run_folds(self._given, self._data, folds, **watching)
        prepared = Prepared(settings, self._data, self._evaluated)
        if FLAGS.seeds:
            return several.run_seeds(prepared, command.many_seeds(FLAGS.seeds), **watching)
        return run_classification(prepared, **watching)

    def say_results(self, settings: ClassificationSettings, results: dict[str, Any]) -> None:
        """Prints figures, files and what to run next."""
        from clinicalbert_tf.tasks.long_documents.summary import summary_lines

        for line in summary_lines(settings, results):
            print(line)
        folder = shlex.quote(settings.output_dir)
        print("Next:")
        report = os.path.join(settings.output_dir, "report.html")
        if settings.report and os.path.exists(report):
            print(f"  open {report} in a browser: curves, ROC, precision-recall, reliability")
        model = os.path.join(folder, "fold-1") if FLAGS.cross_validation else folder
        print(
            f"  python -m clinicalbert_tf.attention_map --model {model} --attributions "
            "--input NOTES.jsonl --id ID"
        )
        if self._embedded:
            print(
                "  python -m clinicalbert_tf.datasets.readmission --admissions ADMISSIONS.csv.gz "
                "--notes NOTEEVENTS.csv.gz --vocab_file CHECKPOINT/vocab.txt --output_dir data\n"
                "  python -m clinicalbert_tf.run_readmission --data_dir data "
                "--readmission_mode discharge --init_checkpoint CHECKPOINT"
            )


def _given(default_output_dir: str) -> dict[str, Any]:
    given = command.settings_given(ClassificationSettings, default_output_dir)
    for name, value in _DEFAULTS.items():
        given.setdefault(name, value)
    if given["task_name"] not in TASKS:
        raise ValueError(
            f"Expected --task_name to be one of {', '.join(TASKS)}, received "
            f"{given['task_name']!r}. Other data sets: python -m clinicalbert_tf.run_classifier "
            "--long_documents."
        )
    given["long_documents"] = True
    path = FLAGS.bert_model
    if path and not given.get("init_checkpoint"):
        if not os.path.exists(path):
            raise ValueError(
                f"Expected a model's folder or archive, received --bert_model={path}: nothing is "
                "downloaded here. Give its path."
            )
        given["init_checkpoint"] = path
    if FLAGS.fp16:
        given.setdefault("precision", "mixed_float16")
    return given


def _folder(given: dict[str, Any]) -> str:
    """The folder of the splits: of the mode, or --data_dir itself."""
    data_dir = given.get("data_dir")
    if not data_dir:
        raise ValueError(
            "Expected --data_dir, received none. Make the data with python -m "
            "clinicalbert_tf.datasets.readmission."
        )
    mode = FLAGS.readmission_mode
    own = any(os.path.exists(os.path.join(data_dir, f"train.{kind}")) for kind in ("jsonl", "csv"))
    if own and mode is None:
        return data_dir
    name = "diagnosis" if given["task_name"] == "diagnosis" else _MODES[mode or "discharge"]
    folder = os.path.join(data_dir, name)
    return data_dir if own and not os.path.isdir(folder) else folder

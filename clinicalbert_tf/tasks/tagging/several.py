"""Several tagging runs: seeds of one setting, a sweep over settings, folds.

Each run has a folder of its own and starts from the same model; finished ones are not repeated.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import logging

from clinicalbert_tf.run_files import BEST_FOLDER
from clinicalbert_tf.tasks import many_runs
from clinicalbert_tf.tasks.tagging.inputs import read_parts
from clinicalbert_tf.tasks.tagging.results import METRICS_NAME
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from tfrecords_builder.files import make_private_folder, write_private

SUMMARY_NAME = "summary.json"
SWEEP_TABLE_NAME = "sweep.tsv"
_FIGURES = ("precision", "recall", "f1")

Run = Callable[[TaggingSettings], Mapping[str, Any]]


def run_seeds(settings: TaggingSettings, seeds: Sequence[int], run: Run) -> dict[str, Any]:
    """A run per seed, in OUTPUT_DIR/seed-N; summary.json holds mean and deviation."""
    runs = {str(seed): _in_folder(settings, f"seed-{seed}", seed=seed) for seed in seeds}
    return _summarise(settings, _run_all(runs, run), "seeds")


def run_folds(settings: TaggingSettings, run: Run) -> dict[str, Any]:
    """A run per fold, in OUTPUT_DIR/FOLD; summary.json holds mean and deviation."""
    runs = {
        str(fold): _in_folder(settings, str(fold), fold=fold, do_predict=True)
        for fold in range(settings.cross_validation)
    }
    return _summarise(settings, _run_all(runs, run), "folds")


def run_sweep(settings: TaggingSettings, grid_file: str, run: Run) -> dict[str, Any]:
    """A run per combination of a file's values; the best one on dev is tested, once.

    Args:
        settings: without the file's.
        grid_file: see many_runs.read_grid.
        run: makes one run.

    Raises:
        FileNotFoundError, ValueError: the file is not as it should be, or there is no dev part.
    """
    parts = read_parts(settings).parts
    if "dev" not in parts:
        raise ValueError("Expected a dev part to choose by with --sweep, received none.")
    choices = many_runs.read_grid(grid_file, TaggingSettings)
    runs = {}
    for choice in choices:
        name = many_runs.run_name(choice)
        more = {**choice, "do_train": True, "do_eval": True, "evaluate_dev": True}
        runs[name] = _in_folder(settings, os.path.join("sweep", name), **more, do_predict=False)
    found = _run_all(runs, run)
    rows = [
        {**choice, "dev_f1": found[name]["dev"]["exact"]["f1"]}
        for name, choice in zip(runs, choices, strict=True)
    ]
    write_private(os.path.join(settings.output_dir, SWEEP_TABLE_NAME), many_runs.as_table(rows))
    best = max(found, key=lambda name: found[name]["dev"]["exact"]["f1"])
    logging.info("Best on dev: %s.", best)
    summary: dict[str, Any] = {"sweep": {"chosen": best, "runs": rows}}
    if "test" in parts and settings.do_predict is not False:
        chosen = dataclasses.replace(
            runs[best],
            output_dir=settings.output_dir,
            init_checkpoint=os.path.join(runs[best].output_dir, BEST_FOLDER),
            do_train=False,
            evaluate_dev=False,
            do_predict=True,
            eval_steps=None,
        )
        run(chosen)
        summary["test"] = {
            name: _read_metrics(settings.output_dir)["test"]["exact"][name] for name in _FIGURES
        }
    _write(settings, summary)
    return summary


def _in_folder(settings: TaggingSettings, name: str, **more: Any) -> TaggingSettings:
    folder = make_private_folder(os.path.join(settings.output_dir, name))
    return dataclasses.replace(settings, output_dir=folder, **more)


def _run_all(runs: Mapping[str, TaggingSettings], run: Run) -> dict[str, Mapping[str, Any]]:
    def make(settings: TaggingSettings) -> Mapping[str, Any]:
        logging.info("Next run: %s.", settings.output_dir)
        run(settings)
        return _read_metrics(settings.output_dir)

    return many_runs.run_all(runs, make, _finished)


def _finished(settings: TaggingSettings) -> Mapping[str, Any] | None:
    """The metrics of a run that is complete and was made with the same settings."""
    metrics = _read_metrics(settings.output_dir)
    wanted = [*["dev"] * settings.evaluate_dev, *["test"] * bool(settings.do_predict)]
    if not metrics or any(part not in metrics for part in wanted):
        return None
    same = dataclasses.replace(settings, **_found_out(settings))
    return metrics if many_runs.made_with(same) else None


def _found_out(settings: TaggingSettings) -> dict[str, Any]:
    """Steps as the run itself made them of the epochs."""
    with open(os.path.join(settings.output_dir, "run.json"), encoding="utf-8") as file:
        record = json.load(file)["settings"]
    names = ("num_train_steps", "num_warmup_steps", "num_train_epochs")
    return {name: record.get(name) for name in names if getattr(settings, name) is None}


def _read_metrics(folder: str) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, METRICS_NAME), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def _summarise(settings: TaggingSettings, found, what: str) -> dict[str, Any]:
    summary: dict[str, Any] = {what: list(found), "over_runs": {}}
    for part in ("dev", "test"):
        scores = [metrics[part]["exact"] for metrics in found.values() if part in metrics]
        if scores:
            summary["over_runs"][part] = {
                name: many_runs.over_runs(of[name] for of in scores) for name in _FIGURES
            }
    _write(settings, summary)
    return summary


def _write(settings: TaggingSettings, summary: Mapping[str, Any]) -> None:
    path = os.path.join(settings.output_dir, SUMMARY_NAME)
    write_private(path, json.dumps(summary, indent=2) + "\n")

"""Several classification runs: seeds of one setting, and a sweep over settings."""

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from clinicalbert_tf.checkpoints.task_file import NAME as LABELS_NAME
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.run_files import BEST_FOLDER, CONFIG_NAME, RECORD_NAME, VOCABULARY_NAME
from clinicalbert_tf.tasks import many_runs
from clinicalbert_tf.tasks.classification import results
from clinicalbert_tf.tasks.classification.run import Prepared, prepare, run_classification
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from tfrecords_builder.files import make_private_folder, write_private

_FIGURES = (
    "accuracy", "f1", "f1_micro", "f1_macro", "auroc", "average_precision", "brier", "pearson",
    "spearman", "mean_squared_error", "example_f1",
)  # fmt: skip
_MODEL_FILES = (CONFIG_NAME, VOCABULARY_NAME, LABELS_NAME, RECORD_NAME)
SWEEP_TABLE_NAME = "sweep.tsv"
SWEEP_PICTURE_NAME = "sweep.svg"


def run_seeds(prepared: Prepared, seeds: Sequence[int], **watching: Any) -> dict[str, Any]:
    """A run for each seed, in OUTPUT_DIR/seed-N; metrics.json holds mean, deviation and minimum.

    The model and the predictions in OUTPUT_DIR are those of the seed that is best on dev.

    Args:
        prepared: the run, with any seed.
        seeds: different ones.
        **watching: see run.run_classification.
    """
    output_dir = prepared.settings.output_dir
    make_private_folder(output_dir)
    runs = {}
    for seed in seeds:
        folder = os.path.join(output_dir, f"seed-{seed}")
        runs[str(seed)] = dataclasses.replace(prepared.settings, seed=seed, output_dir=folder)
    found = _run_all(runs, prepared, watching)
    best = _best(found, prepared)
    _take_over(runs[best].output_dir, output_dir)
    metrics = dict(found[best])
    metrics |= {
        "chosen_seed": int(best),
        "over_runs": {
            split: _figures_over_runs([found[name][split] for name in found])
            for split in prepared.evaluated
        },
        "failed_runs": sum(_failed(one) for one in found.values()),
        "seeds": {name: _short(one, prepared.evaluated) for name, one in found.items()},
    }
    results.add_metrics(output_dir, metrics)
    return {"metrics": metrics}


def run_sweep(
    given: Mapping[str, Any], data: LabelledData, grid_file: str, **watching: Any
) -> dict[str, Any]:
    """A run for each combination of a file's values; the best on dev is tested, once.

    Killed at any moment and started again, it repeats no finished run and resumes the one that was
    under way.

    Args:
        given: settings by name, without the file's.
        data: the examples; dev must be there.
        grid_file: see many_runs.read_grid.
        **watching: see run.run_classification.
    """
    choices = many_runs.read_grid(grid_file, ClassificationSettings)
    if "dev" not in data.splits:
        raise ValueError("Expected dev examples to choose by with --sweep, received none.")
    output_dir = make_private_folder(given["output_dir"])
    runs, first = {}, None
    for choice in choices:
        name = many_runs.run_name(choice)
        folder = os.path.join(output_dir, "sweep", name)
        asked = {**given, **choice, "output_dir": folder, "do_train": True, "do_eval": True}
        made = prepare({**asked, "do_test": False}, data)
        first = first or made
        runs[name] = made.settings
    found = _run_all(runs, first, {**watching, "baseline": False})
    metric = found[next(iter(found))]["monitor"]
    rows = [
        {
            **choice,
            f"dev_{metric['metric']}": found[many_runs.run_name(choice)]["dev"][metric["metric"]],
        }
        for choice in choices
    ]
    write_private(os.path.join(output_dir, SWEEP_TABLE_NAME), many_runs.as_table(rows))
    _draw(os.path.join(output_dir, SWEEP_PICTURE_NAME), rows, metric["metric"])
    best = _best(found, first)
    logging.info("Best on dev: %s.", best)
    _take_over(runs[best].output_dir, output_dir)
    metrics = {**found[best], "sweep": {"chosen": best, "runs": rows}}
    results.add_metrics(output_dir, metrics)
    if "test" in data.splits and given.get("do_test") is not False:
        metrics |= _test_once(runs[best], output_dir, data, watching)
        results.add_metrics(output_dir, {"sweep": metrics["sweep"]})
    return {"metrics": metrics}


def _run_all(runs: Mapping[str, ClassificationSettings], prepared: Prepared, watching):
    def run(settings: ClassificationSettings) -> dict[str, Any]:
        own = dataclasses.replace(prepared, settings=settings)
        return run_classification(own, **watching)["metrics"]

    def finished(settings: ClassificationSettings) -> dict[str, Any] | None:
        left = results.read_metrics(settings.output_dir)
        wanted = [*prepared.evaluated, *(["baseline"] if watching.get("baseline") else [])]
        if any(name not in left for name in wanted) or not many_runs.made_with(settings):
            return None
        logging.info("%s is finished.", settings.output_dir)
        return left

    return many_runs.run_all(runs, run, finished)


def _best(found: Mapping[str, Mapping[str, Any]], prepared: Prepared) -> str:
    """The run with the best monitored figure on dev (the first one without dev)."""
    if "dev" not in prepared.evaluated:
        return next(iter(found))
    monitor = next(iter(found.values()))["monitor"]
    sign = 1 if monitor["higher_is_better"] else -1

    def value(name: str) -> float:
        figure = found[name]["dev"][monitor["metric"]]
        return float("-inf") if figure is None else sign * figure

    return max(found, key=value)


def _failed(metrics: Mapping[str, Any]) -> bool:
    """Whether a run is no better on dev than the majority class."""
    dev = metrics.get("dev", {})
    if "prevalence" not in dev or dev.get("accuracy") is None or "confusion_matrix" not in dev:
        return False
    return dev["accuracy"] <= max(dev["prevalence"].values()) + 1e-9


def _figures_over_runs(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    made = {name: many_runs.over_runs(one.get(name) for one in scores) for name in _FIGURES}
    return {name: figures for name, figures in made.items() if figures is not None}


def _short(metrics: Mapping[str, Any], splits: Sequence[str]) -> dict[str, Any]:
    return {
        split: {name: metrics[split][name] for name in _FIGURES if name in metrics[split]}
        for split in splits
    }


def _take_over(run_folder: str, output_dir: str) -> None:
    """Puts a run's model, predictions and results into the folder of all runs."""
    for name in sorted(os.listdir(run_folder)):
        if name in _MODEL_FILES or name.startswith(
            ("predictions", "chunk_scores", "attention_vote", "test_results", "eval_results")
        ):
            shutil.copyfile(os.path.join(run_folder, name), os.path.join(output_dir, name))
    best, target = os.path.join(run_folder, BEST_FOLDER), os.path.join(output_dir, BEST_FOLDER)
    if os.path.isdir(best):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(best, target)


def _test_once(settings, output_dir: str, data: LabelledData, watching) -> dict[str, Any]:
    asked = dataclasses.replace(
        settings,
        output_dir=output_dir,
        init_checkpoint=os.path.join(settings.output_dir, BEST_FOLDER),
        do_train=False,
        do_eval=True,
        do_test=True,
        eval_steps=None,
    )
    return run_classification(Prepared(asked, data, ("test",)), **watching)["metrics"]


def _draw(path: str, rows: Sequence[Mapping[str, Any]], metric: str) -> None:
    """A bar for each combination, longest at the top."""
    import html

    name = f"dev_{metric}"
    known = sorted((row for row in rows if row[name] is not None), key=lambda row: -row[name])
    if not known:
        return
    low = min(row[name] for row in known)
    span = max(row[name] for row in known) - low or 1.0
    height = 24 * len(known) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<text x="10" y="18" font-weight="bold">{html.escape(metric)} on dev</text>',
    ]
    for place, row in enumerate(known):
        top = 28 + 24 * place
        width = 20 + 240 * (row[name] - low) / span
        words = ", ".join(f"{key} {value}" for key, value in row.items() if key != name)
        parts += [
            f'<rect x="420" y="{top}" width="{width:.0f}" height="16" fill="#3b6ea5"/>',
            f'<text x="10" y="{top + 13}">{html.escape(words)}</text>',
            f'<text x="{425 + width:.0f}" y="{top + 13}">{row[name]:.4f}</text>',
        ]
    write_private(path, "".join([*parts, "</svg>"]) + "\n")

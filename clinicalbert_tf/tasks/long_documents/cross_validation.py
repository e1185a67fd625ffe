"""Cross-validation by patient: each document is tested by a model that never saw its patient."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from clinicalbert_tf.datasets.classification.examples import Example, Split, labels_of
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.metrics import documents, intervals
from clinicalbert_tf.tasks import many_runs
from clinicalbert_tf.tasks.classification import results
from clinicalbert_tf.tasks.classification.run import Prepared, prepare, run_classification
from clinicalbert_tf.tasks.long_documents import files
from tfrecords_builder.files import make_private_folder

_RANKINGS = ("auroc", "average_precision", "auprc_trapezoid")
_FIGURES = (*_RANKINGS, "rp80", "accuracy", "f1", "f1_micro", "f1_macro", "brier")


def fold_data(data: LabelledData, folds: int, seed: int) -> list[LabelledData]:
    """The data of each fold: one part is tested, the next one is dev, the others train.

    Patients are divided by a hash of seed and id, those with a positive document apart from the
    others, so that parts have about the same prevalence.

    Args:
        data: all its splits are taken together.
        folds: at least 3.
        seed: of the division.

    Raises:
        ValueError: there are too few folds or patients, or documents without a patient.
    """
    examples = [example for split in data.splits.values() for example in split.examples]
    if any(example.group is None for example in examples):
        raise ValueError(
            "Expected a patient for each document with --cross_validation, received documents "
            "without one. Make the data with python -m clinicalbert_tf.datasets.readmission."
        )
    part_of = _parts(data, examples, folds, seed)
    source = next(iter(data.splits.values()))

    def split(name: str, parts) -> Split:
        chosen = [example for example in examples if part_of[example.group] in parts]
        return dataclasses.replace(source, name=name, examples=chosen)

    made = []
    for fold in range(folds):
        dev = (fold + 1) % folds
        train = set(range(folds)) - {fold, dev}
        splits = {"train": train, "dev": {dev}, "test": {fold}}
        made.append(
            dataclasses.replace(data, splits={n: split(n, parts) for n, parts in splits.items()})
        )
    return made


def _parts(data: LabelledData, examples: list[Example], folds: int, seed: int) -> dict[str, int]:
    first = data.labels[0] if data.problem_type == "single" else None
    positive: dict[str, bool] = {}
    for example in examples:
        is_positive = any(label != first for label in labels_of(example))
        positive[example.group] = positive.get(example.group, False) or is_positive
    if folds < 3 or len(positive) < folds:
        raise ValueError(
            f"Expected --cross_validation of at least 3 and of at most the number of patients, "
            f"received {folds} for {len(positive)} patients."
        )
    digest = lambda patient: hashlib.sha256(f"{seed}:{patient}".encode()).digest()
    ordered = sorted(positive, key=lambda patient: (positive[patient], digest(patient)))
    return {patient: place % folds for place, patient in enumerate(ordered)}


def run_folds(
    given: Mapping[str, Any], data: LabelledData, folds: int, **watching: Any
) -> dict[str, Any]:
    """A run for each fold, in OUTPUT_DIR/fold-N; metrics.json holds them together.

    Killed and started again, it repeats no finished fold.

    Args:
        given: settings by name.
        data: the documents.
        folds: how many.
        **watching: see classification.run.run_classification.

    Returns:
        {"metrics": what metrics.json says}: "folds", "over_runs" (mean, deviation, minimum of each
        figure on the tested parts) and, for two labels, "pooled": the figures of all documents,
        by rank within the fold that tested them, and their intervals by patient.
    """
    output_dir = make_private_folder(given["output_dir"])
    parts = fold_data(data, folds, given.get("split_seed", 0))
    prepared: dict[str, Prepared] = {}
    for number, part in enumerate(parts, start=1):
        folder = os.path.join(output_dir, f"fold-{number}")
        asked = {**given, "output_dir": folder, "do_train": True, "do_eval": True, "do_test": True}
        prepared[f"fold-{number}"] = prepare(asked, part)
    found = many_runs.run_all(prepared, _runner(watching), _finished)
    metrics: dict[str, Any] = {
        "folds": {name: one["test"] for name, one in found.items()},
        "over_runs": {"test": _over_runs([one["test"] for one in found.values()])},
    }
    tables = [
        os.path.join(p.settings.output_dir, files.PREDICTIONS_NAME) for p in prepared.values()
    ]
    if all(map(os.path.exists, tables)):
        of_folds = [files.read_document_predictions(table) for table in tables]
        rows = [row for of_fold in of_folds for row in of_fold]
        files.write_rows(os.path.join(output_dir, files.PREDICTIONS_NAME), rows)
        scores = np.concatenate([ranks_within_fold(of_fold) for of_fold in of_folds])
        draws = next(iter(prepared.values())).settings.bootstrap
        metrics["pooled"] = pooled_scores(rows, scores, data.labels[-1], draws)
    results.add_metrics(output_dir, metrics)
    return {"metrics": metrics}


def ranks_within_fold(rows: list[dict[str, str]]) -> np.ndarray:
    """The mean rank of each document's score in its fold, as a fraction: float64 [rows].

    Scores of different models cannot be compared: one that says 0.6 where another says 0.4 would
    mix up the order of all, though each orders its own documents well.

    Args:
        rows: of one fold's predictions.csv.
    """
    scores = np.array([float(row["SCORE"]) for row in rows])
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[place] / len(rows)


def pooled_scores(
    rows: list[dict[str, str]], scores: np.ndarray, positive: str, draws: int
) -> dict[str, Any]:
    """The figures of documents with one score each.

    Args:
        rows: of predictions.csv.
        scores: float [rows].
        positive: the positive label.
        draws: bootstrap replicates; 0 for no intervals.
    """
    targets = np.array([row["LABEL"] == positive for row in rows])
    found = documents.scores(targets, scores)
    if draws:
        statistics = {name: intervals.ranking_of(targets, scores, name) for name in _RANKINGS}
        patients = [row["SUBJECT_ID"] for row in rows]
        bootstrap = intervals.Bootstrap(draws)
        found["intervals"] = intervals.intervals(statistics, len(rows), patients, bootstrap)
        found["intervals_draw"] = "patients"
    return found


def _runner(watching: Mapping[str, Any]) -> Callable[[Prepared], Mapping[str, Any]]:
    def run(prepared: Prepared) -> Mapping[str, Any]:
        return run_classification(prepared, **watching)["metrics"]

    return run


def _finished(prepared: Prepared) -> Mapping[str, Any] | None:
    left = results.read_metrics(prepared.settings.output_dir)
    return left if "test" in left and many_runs.made_with(prepared.settings) else None


def _over_runs(scores: list[Mapping[str, Any]]) -> dict[str, Any]:
    made = {name: many_runs.over_runs(one.get(name) for one in scores) for name in _FIGURES}
    return {name: figures for name, figures in made.items() if figures is not None}

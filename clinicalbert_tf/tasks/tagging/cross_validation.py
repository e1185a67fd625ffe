"""A run per fold of a cross-validation, each from fresh weights in a folder of its own."""

import dataclasses
import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import logging

from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.tasks.tagging.task import METRICS_NAME
from tfrecords_builder.files import make_private_folder, write_private

SUMMARY_NAME = "cross_validation.json"


def run_folds(
    settings: TaggingSettings, run: Callable[[TaggingSettings], dict[str, Any]]
) -> dict[str, Any]:
    """Trains and evaluates every fold; folds that are complete are not run again.

    Args:
        settings: of the whole, with `cross_validation`.
        run: trains and evaluates one fold.

    Returns:
        "folds": exact test scores of each fold; "mean" and "standard_deviation" of them.
    """
    folds = []
    for fold in range(settings.cross_validation):
        folder = os.path.join(settings.output_dir, str(fold))
        scores = _read_scores(folder)
        if scores is None:
            logging.info("Fold %d of %d.", fold, settings.cross_validation)
            make_private_folder(folder)
            run(dataclasses.replace(settings, fold=fold, output_dir=folder, do_predict=True))
            scores = _read_scores(folder)
        folds.append(scores)
    summary = {"folds": folds, "mean": {}, "standard_deviation": {}}
    for name in ("precision", "recall", "f1"):
        values = [scores[name] for scores in folds]
        summary["mean"][name] = float(np.mean(values))
        summary["standard_deviation"][name] = float(np.std(values, ddof=1))
    text = json.dumps(summary, indent=2)
    write_private(os.path.join(settings.output_dir, SUMMARY_NAME), text + "\n")
    return summary


def _read_scores(folder: str) -> dict[str, float] | None:
    """A fold's exact test scores; None if it is not complete."""
    try:
        with open(os.path.join(folder, METRICS_NAME), encoding="utf-8") as file:
            exact = json.load(file)["test"]["exact"]
    except (FileNotFoundError, KeyError):
        return None
    return {name: exact[name] for name in ("precision", "recall", "f1")}

"""Evaluation over records of their own, and `eval_results.txt`."""

import os
from collections.abc import Mapping

import numpy as np
from tqdm import tqdm

from clinicalbert_tf.training.private_files import write_private

NAME = "eval_results.txt"
_BATCHES_A_CALL = 32


def evaluate(stepper, iterator, num_batches: int) -> dict[str, float]:
    """Losses and accuracies over all records of the batches, each record or prediction alike.

    Args:
        stepper: evaluates the batches.
        iterator: over distributed batches with "example_weights".
        num_batches: batches to take.

    Returns:
        What the objective's `metrics` names. The loss is the sum of the two losses below it, so
        none of them depends on the size of a batch.
    """
    total = np.zeros(len(stepper.objective.sum_names))
    with tqdm(total=num_batches, unit="batch", disable=None, desc="evaluation") as bar:
        done = 0
        while done < num_batches:
            count = min(_BATCHES_A_CALL, num_batches - done)
            total += stepper.evaluate(iterator, count).sum(axis=0, dtype=np.float64)
            done += count
            bar.update(count)
    return {name: float(value) for name, value in stepper.objective.metrics(total).items()}


def write_eval_results(output_dir: str, results: Mapping[str, float]) -> str:
    """Writes `key = value` lines, sorted, as the reference does; returns the file's path."""
    path = os.path.join(output_dir, NAME)
    write_private(path, "".join(f"{key} = {results[key]}\n" for key in sorted(results)))
    return path

"""Evaluation over records of their own, and `eval_results.txt`."""

import os
import time
from collections.abc import Mapping

import numpy as np
from tqdm import tqdm

from clinicalbert_tf.input_pipeline.damage import damage_named
from clinicalbert_tf.input_pipeline.dataset import evaluation_batches, number_of_batches
from clinicalbert_tf.input_pipeline.shards import RecordSource
from clinicalbert_tf.training.pace import Pace
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.watching import json_lines
from tfrecords_builder.files import write_private

NAME = "eval_results.txt"


class Evaluator:
    """Evaluates a model as it stands; leaves everything that training depends on as it was.

    Args:
        stepper: evaluates the batches.
        source: records of their own.
        batch_size: records a batch, over all replicas.
        max_batches: most batches taken.
        signals: what this process was asked; an evaluation ends early when any worker was.
    """

    def __init__(
        self,
        stepper,
        source: RecordSource,
        batch_size: int,
        max_batches: int,
        signals: StopSignals | None = None,
    ):
        self.stepper = stepper
        self.source = source
        self.num_batches = number_of_batches(source, batch_size, max_batches)
        self.num_records = min(self.num_batches * batch_size, source.num_records)
        self._pace = Pace(stepper, signals or StopSignals())
        self._dataset = stepper.strategy.distribute_datasets_from_function(
            lambda context: evaluation_batches(source, batch_size, self.num_batches, context)
        )

    @property
    def measured_on(self) -> str:
        """Identifies what the losses are of: only those of one kind can be compared."""
        return f"{self.num_records} records of {self.source.fingerprint}"

    def run(self) -> dict[str, float] | None:
        """What `evaluate` returns.

        Raises:
            CorruptRecordsError: a file of records is damaged; the message names it.
        """
        with damage_named(self.source):
            return evaluate(self.stepper, iter(self._dataset), self.num_batches, self._pace)


def evaluate(
    stepper, iterator, num_batches: int, pace: Pace | None = None
) -> dict[str, float] | None:
    """Losses and accuracies over all records of the batches, each record or prediction alike.

    Args:
        stepper: evaluates the batches.
        iterator: over distributed batches with "example_weights".
        num_batches: batches to take.
        pace: how many a call, and when to stop.

    Returns:
        What the objective's `metrics` names, or None where it was stopped. The loss is the sum of
        the two losses below it, so none of them depends on the size of a batch.
    """
    pace = pace or Pace(stepper, StopSignals())
    total = np.zeros(len(stepper.objective.sum_names))
    done, bars = 0, json_lines.bars_disabled()
    with tqdm(total=num_batches, unit="batch", disable=bars, desc="evaluation") as bar:
        while done < num_batches:
            count = min(pace.count, num_batches - done)
            started = time.perf_counter()
            total += stepper.evaluate(iterator, count).sum(axis=0, dtype=np.float64)
            done += count
            bar.update(count)
            if pace.after(count, time.perf_counter() - started):
                return None
    return {name: float(value) for name, value in stepper.objective.metrics(total).items()}


def write_eval_results(output_dir: str, results: Mapping[str, float]) -> str:
    """Writes `key = value` lines, sorted, as the reference does; returns the file's path."""
    path = os.path.join(output_dir, NAME)
    write_private(path, "".join(f"{key} = {results[key]}\n" for key in sorted(results)))
    return path

"""Evaluation over records of their own, and `eval_results.txt`."""

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from tqdm import tqdm

from clinicalbert_tf.input_pipeline.damage import damage_named
from clinicalbert_tf.input_pipeline.dataset import evaluation_batches, number_of_batches
from clinicalbert_tf.input_pipeline.row_file import RowFile
from clinicalbert_tf.input_pipeline.source import EXAMPLE_PLACE, Source
from clinicalbert_tf.run_files import RESULTS_NAME
from clinicalbert_tf.training.pace import Pace
from clinicalbert_tf.training.preemption import StopSignals
from clinicalbert_tf.training.watching import json_lines
from tfrecords_builder.files import write_private

# The predictions of an evaluation by name: [examples, ...], a list of arrays [length, ...] if
# examples differ in length, or a file of rows; in the order of the source's examples.
Predictions = Mapping[str, np.ndarray | list[np.ndarray] | RowFile]


class Evaluator:
    """Evaluates a model as it stands; leaves everything that training depends on as it was.

    Args:
        stepper: evaluates the batches.
        source: examples of their own.
        batch_size: examples per batch, over all replicas.
        max_batches: most batches taken, or None for all.
        signals: what this process was asked; an evaluation ends early when any worker was.
        score: from the predictions to further results; None if the objective predicts nothing
            and the sums say everything.
        length_buckets: tokens that the length of a batch is rounded up to a multiple of; 0 pads
            to max_seq_length.
        in_files: predictions, [examples, width] each, that are kept in a file, not in memory.
        folder: where such a file lies, without a name; None for the system's temporary files.

    Attributes:
        predictions: those of the last `run`; empty if the objective predicts nothing.
    """

    def __init__(
        self,
        stepper,
        source: Source,
        batch_size: int,
        max_batches: int | None,
        signals: StopSignals | None = None,
        score: Callable[[Predictions], Mapping[str, float]] | None = None,
        length_buckets: int = 0,
        in_files: Collection[str] = (),
        folder: str | None = None,
    ):
        self.stepper = stepper
        self.source = source
        self.score = score
        self.predictions: Predictions = {}
        self._in_files, self._folder = in_files, folder
        self.num_batches = number_of_batches(source, batch_size, max_batches)
        self.num_examples = min(self.num_batches * batch_size, source.num_examples)
        self._pace = Pace(stepper, signals or StopSignals())
        self._dataset = stepper.strategy.distribute_datasets_from_function(
            lambda context: evaluation_batches(
                source, batch_size, self.num_batches, context, length_buckets
            )
        )

    @property
    def measured_on(self) -> str:
        """Identifies what the results are of: only those of one kind can be compared."""
        return f"{self.num_examples} records of {self.source.fingerprint}"

    def run(self) -> dict[str, float] | None:
        """What `evaluate` returns, with what `score` makes of the predictions.

        Raises:
            CorruptRecordsError: a file of records is damaged; the message names it.
        """
        with damage_named(self.source):
            if self.score is None:
                return evaluate(self.stepper, iter(self._dataset), self.num_batches, self._pace)
            found = self.predict()
        if found is None:
            return None
        results, self.predictions = found
        return {**results, **self.score(self.predictions)}

    def predict(self) -> tuple[dict[str, float], Predictions] | None:
        """The objective's metrics and every example's predictions; None if it was stopped."""
        order = self.source.evaluation_order()
        files = {name: RowFile(self._folder) for name in self._in_files}
        batches = []

        def keep(batch: dict[str, np.ndarray]) -> None:
            places = batch[EXAMPLE_PLACE]
            for name, file in files.items():
                file.put(places if order is None else order[places], batch.pop(name))
            batches.append(batch)

        pace = self._pace
        results = predict(self.stepper, iter(self._dataset), self.num_batches, keep, pace)
        if results is None:
            return None
        return results, {**in_order(batches, self.num_examples, order), **files}


def evaluate(
    stepper, iterator, num_batches: int, pace: Pace | None = None
) -> dict[str, float] | None:
    """Losses and accuracies over all examples of the batches, each example or prediction alike.

    Args:
        stepper: evaluates the batches.
        iterator: over distributed batches with "example_weights".
        num_batches: batches to take.
        pace: how many a call, and when to stop.

    Returns:
        What the objective's `metrics` names, or None if it was stopped. They are made of sums over
        all examples, so none of them depends on the size of a batch.
    """

    def take(count):
        return stepper.evaluate(iterator, count).sum(axis=0, dtype=np.float64)

    total = _over_batches(stepper, take, num_batches, pace)
    return None if total is None else _metrics(stepper, total)


def predict(
    stepper,
    iterator,
    num_batches: int,
    keep: Callable[[dict[str, np.ndarray]], None],
    pace: Pace | None = None,
) -> dict[str, float] | None:
    """Like `evaluate`, and hands what the objective predicts to `keep`: arrays of a batch."""

    def take(count):
        total = 0.0
        for _ in range(count):
            sums, predicted = stepper.predict(iterator)
            total += sums.astype(np.float64)
            keep(predicted)
        return total

    total = _over_batches(stepper, take, num_batches, pace)
    return None if total is None else _metrics(stepper, total)


def in_order(
    batches: Sequence[Mapping[str, np.ndarray]], num_examples: int, order: np.ndarray | None
) -> Predictions:
    """Batches' predictions as one array or list per name, in the order of the examples.

    Args:
        batches: arrays [rows, ...] by name, with "example_place".
        num_examples: how many examples there must be.
        order: the example at each place, or None if place and example are one.

    Raises:
        RuntimeError: an example is missing or came twice.
    """
    places = np.concatenate([batch[EXAMPLE_PLACE] for batch in batches])
    if sorted(places.tolist()) != list(range(num_examples)):
        raise RuntimeError(
            f"Expected each of {num_examples} examples once, received {len(places)} predictions "
            f"of {len(set(places.tolist()))} examples. This is a defect of the software."
        )
    examples = places if order is None else order[places]
    names = [name for name in batches[0] if name != EXAMPLE_PLACE]
    return {name: _arranged([batch[name] for batch in batches], examples) for name in names}


def _arranged(arrays: Sequence[np.ndarray], examples: np.ndarray):
    if len({array.shape[1:] for array in arrays}) == 1:
        joined = np.concatenate(arrays)
        arranged = np.empty_like(joined)
        arranged[examples] = joined
        return arranged
    rows = [row for array in arrays for row in array]
    arranged = [rows[0]] * len(rows)
    for example, row in zip(examples, rows, strict=True):
        arranged[example] = row
    return arranged


def _over_batches(stepper, take, num_batches: int, pace: Pace | None):
    """The sum of `take(count)` over all batches, or None if it was stopped."""
    pace = pace or Pace(stepper, StopSignals())
    total = np.zeros(len(stepper.sum_names))
    done, bars = 0, json_lines.bars_disabled()
    with tqdm(total=num_batches, unit="batch", disable=bars, desc="evaluation") as bar:
        while done < num_batches:
            count = min(pace.count, num_batches - done)
            started = time.perf_counter()
            total += take(count)
            done += count
            bar.update(count)
            if pace.after(count, time.perf_counter() - started):
                return None
    return total


def _metrics(stepper, total: np.ndarray) -> dict[str, float]:
    totals = dict(zip(stepper.sum_names, total, strict=True))
    return {name: float(value) for name, value in stepper.objective.metrics(totals).items()}


def write_eval_results(output_dir: str, results: Mapping[str, float]) -> str:
    """Writes `key = value` lines, sorted, as the reference does; returns the file's path."""
    path = os.path.join(output_dir, RESULTS_NAME)
    write_private(path, "".join(f"{key} = {results[key]}\n" for key in sorted(results)))
    return path

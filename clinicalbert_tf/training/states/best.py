"""`best/`: the checkpoint of the best evaluation, apart from those of the run.

It holds weights under the reference's TF1 names and what belongs to them, so that the folder can
be given as --init_checkpoint and outlives --keep_checkpoint_max.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from clinicalbert_tf.checkpoints.checkpoint_files import list_checkpoints
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import (
    remove_unfinished,
    write_tf1_checkpoint,
)
from clinicalbert_tf.run_files import BEST_FOLDER, BEST_NAME
from clinicalbert_tf.training.monitor import Monitor
from clinicalbert_tf.training.states.checkpoints import STEM, remove_checkpoint, write_latest
from clinicalbert_tf.training.states.disk import may_pass
from tfrecords_builder.files import make_private_folder, write_private


def forget_best(output_dir: str) -> None:
    """Makes the next evaluation count as the best one, whatever an earlier start has kept.

    For a run that begins at its first step: what lies in `best/` is of other weights, perhaps of
    other settings or another model. Its files stay until the first evaluation replaces them, as
    they may be all that is left of that start; no process takes its loss for this run's.
    """
    directory = os.path.join(output_dir, BEST_FOLDER)
    record = _read_record(directory)
    if record is not None:
        os.unlink(os.path.join(directory, BEST_NAME))
        logging.warning(
            "%s holds the best checkpoint of an earlier start (step %d, %s %.4f). This "
            "run starts from the first step: its first evaluation replaces it. Move it to keep it.",
            *(directory, record["step"], record["metric"], record["value"]),
        )


def best_prefix(output_dir: str) -> str | None:
    """The best checkpoint that a run has kept, or None."""
    directory = os.path.join(output_dir, BEST_FOLDER)
    record = _read_record(directory)
    if record is None:
        return None
    prefix = os.path.join(directory, f"{STEM}-{record['step']}")
    return prefix if os.path.isfile(f"{prefix}.index") else None


class BestCheckpoint:
    """Keeps the best checkpoint of a run; for the chief alone.

    A new one is written beside the old one, which is removed only when `checkpoint`, by which the
    folder's checkpoint is found, names the new one. So the folder holds a whole one at any time.

    Args:
        output_dir: the run's folder.
        model: what modeling.build_pretraining_model returned.
        beside: further text files of the folder by name, such as bert_config.json.
        monitor: the result that decides.
    """

    def __init__(
        self,
        output_dir: str,
        model,
        beside: Mapping[str, str],
        monitor: Monitor = Monitor(),  # noqa: B008 (frozen)
    ):
        self.directory = os.path.join(output_dir, BEST_FOLDER)
        self.model = model
        self.beside = beside
        self.monitor = monitor
        self._finish_replacement()

    def record(self) -> dict[str, Any] | None:
        """What best.json says: step, metric, value, loss, measured_on; None without one."""
        record = _read_record(self.directory)
        if record is None or not os.path.isfile(f"{self._prefix(record['step'])}.index"):
            return None
        return record

    def offer(self, step: int, results: Mapping[str, float | None], measured_on: str) -> bool:
        """Keeps the weights as they stand if they are better than what is kept.

        Of equal figures, such as those of a run that still predicts one class, the one with the
        lower loss is better.

        Args:
            step: updates made.
            results: of the evaluation.
            measured_on: what it was measured on; results on other examples do not count.

        Returns:
            Whether they are kept now. If the disk is full, what was kept stays.

        Raises:
            OSError: the folder cannot be written, and waiting does not help.
        """
        kept, metric = self.record(), self.monitor.metric
        value = self.monitor.value(results)
        comparable = (
            kept is not None and kept.get("measured_on") == measured_on and kept["metric"] == metric
        )
        if not self._is_better(value, results.get("loss"), kept if comparable else None):
            return False
        record = {"step": step, "metric": metric, "value": value, "measured_on": measured_on}
        if results.get("loss") is not None:
            record["loss"] = results["loss"]
        try:
            self._replace(step, record)
        except OSError as error:
            if not may_pass(error):
                raise
            logging.warning(
                "Could not keep the best checkpoint, step %d (%s); %s. Free space.",
                *(step, error, f"that of step {kept['step']} stays" if kept else "none is kept"),
            )
            self._finish_replacement()
            return False
        return True

    def _is_better(self, value: float, loss: float | None, kept: dict[str, Any] | None) -> bool:
        if kept and kept["value"] == value and loss is not None and "loss" in kept:
            return loss < kept["loss"]
        return self.monitor.is_better(value, kept and kept["value"])

    def _replace(self, step: int, record: dict[str, Any]) -> None:
        make_private_folder(self.directory)
        for name, text in self.beside.items():
            write_private(os.path.join(self.directory, name), text)
        write_tf1_checkpoint(
            self.model, self._prefix(step), {"global_step": np.array(step, np.int64)}
        )
        content = json.dumps(record, indent=1, sort_keys=True) + "\n"
        write_private(os.path.join(self.directory, BEST_NAME), content)
        self._finish_replacement()

    def _finish_replacement(self) -> None:
        """Points to the checkpoint that best.json names and removes all others."""
        if not os.path.isdir(self.directory):
            return
        remove_unfinished(self.directory)
        record = self.record()
        if record is None:
            return
        prefix = self._prefix(record["step"])
        write_latest(self.directory, [os.path.basename(prefix)])
        for other in list_checkpoints(self.directory):
            if other != prefix:
                remove_checkpoint(other)

    def _prefix(self, step: int) -> str:
        return os.path.join(self.directory, f"{STEM}-{step}")


def _read_record(directory: str) -> dict[str, Any] | None:
    try:
        with open(os.path.join(directory, BEST_NAME), encoding="utf-8") as file:
            record = json.load(file)
        # Folders of versions that went by the loss alone name no metric.
        metric = record.get("metric", "loss")
        value = float(record["value"] if "value" in record else record[metric])
        return {**record, "step": int(record["step"]), "metric": metric, "value": value}
    except (OSError, ValueError, KeyError, TypeError):
        return None

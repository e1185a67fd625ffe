"""Everything that the folder of a run tells."""

import dataclasses
import glob
import json
import os
from typing import Any

import numpy as np

from clinicalbert_tf.report.events import Curve, read_curves
from clinicalbert_tf.run_files import CHECKPOINT_STEM, EVALUATION_FOLDER, RECORD_NAME, STATE_ENDING
from clinicalbert_tf.training.monitor import Shown
from clinicalbert_tf.training.watching import outcome
from tfrecords_builder import schema

# What every run measures, by tag, title and format.
ENGINE_SHOWN = (
    Shown("tokens_per_second", "Throughput, tokens per second", "short"),
    Shown("share_of_peak", "Share of the matrix product rate", "percent"),
    Shown("learning_rate", "Learning rate"),
    Shown("gradient_norm", "Gradient norm before the clip"),
    Shown("loss_scale", "Loss scale", "short"),
    Shown("skipped_steps", "Steps skipped for an overflow", "short"),
)
_ENGINE_TAGS = (*(shown.tag for shown in ENGINE_SHOWN), "steps_per_second", "tokens_seen")
# What run.json of versions that only pretrained does not say.
_PRETRAINING = (
    Shown("loss", "Loss"),
    Shown("masked_lm_loss", "Masked words: loss"),
    Shown("masked_lm_accuracy", "Masked words: accuracy", "percent"),
    Shown("next_sentence_loss", "Next sentence: loss"),
    Shown("next_sentence_accuracy", "Next sentence: accuracy", "percent"),
)
_STATES = f"{CHECKPOINT_STEM}-*{STATE_ENDING}"
_BEST = os.path.join("best", "best.json")


@dataclasses.dataclass(frozen=True)
class RecordsPart:
    """The records that a run was trained or evaluated on.

    Attributes:
        described: what run.json says of them.
        manifest: what made them, or None if the folder is gone or has none.
    """

    described: dict[str, Any]
    manifest: schema.Manifest | None


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A run, as its folder has it.

    Attributes:
        path: the folder.
        record: run.json.
        outcome: outcome.json, or None.
        training, evaluation: curves by tag.
        states: state.json of every checkpoint, oldest first.
        best: best.json of the checkpoint kept for its evaluation loss, or None.
        records: {"training": ..., "evaluation": ...}, those that there are.
    """

    path: str
    record: dict[str, Any]
    outcome: dict[str, Any] | None
    training: dict[str, Curve]
    evaluation: dict[str, Curve]
    states: list[dict[str, Any]]
    best: dict[str, Any] | None
    records: dict[str, RecordsPart]

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The scalars that the task shows."""
        return _shown(self.record)

    @property
    def last_step(self) -> int:
        """The last step that the events or the checkpoints know of."""
        steps = [curve.steps[-1] for curve in self.training.values()]
        return max([0, *map(int, steps), *(state["global_step"] for state in self.states)])

    def training_seconds(self) -> float:
        """Time that the steps took, without start-up, saves and evaluations."""
        rate = self.training.get("steps_per_second")
        return 0.0 if rate is None else float(np.sum(self._steps_of_calls(rate) / rate.values))

    def typical(self, tag: str) -> float:
        """The median, over the steps, of a value that is measured over whole calls."""
        curve = self.training[tag]
        order = np.argsort(curve.values)
        steps = np.cumsum(self._steps_of_calls(curve)[order])
        return float(curve.values[order][np.searchsorted(steps, steps[-1] / 2)])

    def _steps_of_calls(self, curve: Curve) -> np.ndarray:
        # Such a value stands at the last step of its call.
        first = self.training["loss"].steps[0] if "loss" in self.training else curve.steps[0]
        counts = np.diff(curve.steps, prepend=first - 1)
        # Where a run began again and its events do not say so, the steps begin again, too.
        return np.where(counts > 0, counts, curve.steps - (first - 1))


def read_run_folder(path: str) -> RunFolder:
    """Reads a run's folder.

    Raises:
        FileNotFoundError: it is no folder of a run.
        ValueError: run.json or a manifest cannot be read.
    """
    record = _read_record(path)
    tags = tuple(shown.tag for shown in _shown(record))
    return RunFolder(
        path=path,
        record=record,
        outcome=outcome.read_outcome(path),
        training=read_curves(path, tags + _ENGINE_TAGS),
        evaluation=read_curves(os.path.join(path, EVALUATION_FOLDER), tags),
        states=_read_states(path),
        best=_read_json(os.path.join(path, _BEST)),
        records=_read_records(record),
    )


def _shown(record: dict[str, Any]) -> tuple[Shown, ...]:
    described = record.get("shown")
    return _PRETRAINING if described is None else tuple(Shown(**entry) for entry in described)


def _read_record(path: str) -> dict[str, Any]:
    file_name = os.path.join(path, RECORD_NAME)
    try:
        with open(file_name, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"Expected {path} to be the output folder of a run, but it has no "
            f"{RECORD_NAME}. Name the --output_dir of a run."
        ) from None
    except ValueError:
        raise ValueError(
            f"Expected {file_name} to be JSON, received something else. It is damaged: start "
            "the run again, which writes it again."
        ) from None


def _read_states(path: str) -> list[dict[str, Any]]:
    names = glob.glob(os.path.join(glob.escape(path), _STATES))
    states = [state for name in names if (state := _read_json(name)) and "global_step" in state]
    return sorted(states, key=lambda state: state["global_step"])


def _read_json(path: str) -> dict[str, Any] | None:
    """An object, or None if there is none: a run that continues removes files at any time."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _read_records(record: dict[str, Any]) -> dict[str, RecordsPart]:
    parts = {}
    for name, key in (("training", "records"), ("evaluation", "eval_records")):
        described = record["inputs"].get(key)
        if described:
            files = described.get("files") or ()
            folder = os.path.dirname(files[0]) if files else None
            manifest = schema.read_manifest(folder) if folder else None
            parts[name] = RecordsPart(described, manifest)
    return parts

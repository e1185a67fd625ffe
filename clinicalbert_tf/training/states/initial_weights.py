"""The weights that a run starts from: a checkpoint of any format."""

import json
from typing import Any

from absl import logging

from clinicalbert_tf.checkpoints import task_file
from clinicalbert_tf.checkpoints.fingerprint import fingerprint
from clinicalbert_tf.checkpoints.into_model import restore_into
from clinicalbert_tf.checkpoints.readers.tf1 import restore_checkpoint
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.positions import trained_positions


def restore_initial(model, inputs: RunInputs, require_head: bool = False) -> None:
    """Reads the weights to start from into a model.

    Args:
        model: what the task built.
        inputs: of the run; its init_checkpoint is the prefix of a TF1 checkpoint or a source.
        require_head: whether the task's head must be among them, to evaluate without training.

    Raises:
        ValueError: they do not fit the model.
    """
    init = inputs.init_checkpoint
    if isinstance(init, CheckpointSource):
        restore_into(model, init, labels=_labels(inputs), require_head=require_head)
        return
    report = restore_checkpoint(model, init, allow_missing_heads=not require_head)
    logging.info("%s", report)


def path_of(init: str | CheckpointSource) -> str:
    """Where a checkpoint lies: the prefix of TF1's, the folder of others."""
    return init.path if isinstance(init, CheckpointSource) else init


def describe_initial(init: str | CheckpointSource | None) -> dict[str, Any] | None:
    """What run.json says of the checkpoint that a run starts from."""
    if init is None:
        return None
    path = path_of(init)
    is_tf1 = not isinstance(init, CheckpointSource) or init.kind == "tf1"
    return {
        "prefix": path,
        "fingerprint": run_record.init_fingerprint(path) if is_tf1 else fingerprint(init),
        "trained_positions": trained_positions(path) if is_tf1 else None,
    }


def _labels(inputs: RunInputs) -> tuple[str, ...] | None:
    """The names of the task head's outputs, as the run's own labels.json will have them."""
    text = inputs.files.get(task_file.NAME)
    return None if text is None else tuple(json.loads(text)["labels"]) or None

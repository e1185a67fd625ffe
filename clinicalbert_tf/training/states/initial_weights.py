"""The weights that a run starts from: a checkpoint of any format."""

import json
from typing import Any

from absl import logging

from clinicalbert_tf.checkpoints import task_file
from clinicalbert_tf.checkpoints.fingerprint import fingerprint
from clinicalbert_tf.checkpoints.into_model import restore_into
from clinicalbert_tf.checkpoints.names import PRETRAINING_HEADS
from clinicalbert_tf.checkpoints.source import PARTS, REQUIRED_PARTS, CheckpointSource
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.states.positions import trained_positions


def restore_initial(model, inputs: RunInputs, require_heads: bool = False) -> None:
    """Reads the weights to start from into a model.

    Args:
        model: what the task built.
        inputs: of the run, with an init_checkpoint.
        require_heads: whether the model's heads must be among them, to evaluate without training.

    Raises:
        ValueError: they do not fit the model.
    """
    init = inputs.init_checkpoint
    pretraining = not set(model.heads).isdisjoint(PRETRAINING_HEADS)
    whole = require_heads and pretraining
    restore_into(
        model,
        init,
        labels=_labels(inputs),
        require_head=require_heads,
        require=tuple(PARTS) if whole else REQUIRED_PARTS,
    )
    for remark in init.remarks:
        logging.warning("%s", remark)


def describe_initial(init: CheckpointSource | None) -> dict[str, Any] | None:
    """What run.json says of the checkpoint that a run starts from."""
    return init and {
        "prefix": init.path,
        "kind": init.kind,
        "fingerprint": fingerprint(init),
        "trained_positions": trained_positions(init.path),
    }


def _labels(inputs: RunInputs) -> tuple[str, ...] | None:
    """The names of the task head's outputs, as the run's own labels.json will have them."""
    text = inputs.files.get(task_file.NAME)
    return None if text is None else tuple(json.loads(text)["labels"]) or None

"""How many positions a checkpoint was trained on, and the warning about those beyond."""

import os

import numpy as np
from absl import logging

from clinicalbert_tf.checkpoints.checkpoint_files import INDEX
from clinicalbert_tf.checkpoints.readers.tf1 import list_variables, read_tf1_checkpoint_tensors
from clinicalbert_tf.training.states import run_record

_SLOT = "bert/embeddings/position_embeddings/adam_v"


def trained_positions(prefix: str) -> int | None:
    """The number of positions, from the first, that a checkpoint's training has reached.

    The run.json beside it says so, for the run and what that started from. Without one, a row of
    the position embedding whose second moment is zero never had a gradient.

    Args:
        prefix: a TF1 checkpoint's prefix, or what any other source was read from.

    Returns:
        None if it cannot be known: released checkpoints have neither.
    """
    record = run_record.read_run_record(os.path.dirname(prefix))
    if record is not None:
        return _of_record(record)
    if not os.path.isfile(prefix + INDEX) or _SLOT not in list_variables(prefix):
        return None
    (second_moment,) = read_tf1_checkpoint_tensors(prefix, [_SLOT]).values()
    rows = np.flatnonzero(np.any(second_moment != 0, axis=-1))
    return int(rows[-1]) + 1 if len(rows) else None


def warn_of_untrained_positions(prefix: str, trained: int | None, max_seq_length: int) -> bool:
    """Warns where records are longer than what a checkpoint was trained on.

    Returns:
        Whether it did.
    """
    if trained is None or max_seq_length <= trained:
        return False
    logging.warning(
        "%s was trained on %d positions, but the records have %d: positions %d to %d start from "
        "what they were initialised with. Train on long records for long enough (BERT: a tenth "
        "of all steps), or use records of %d tokens.",
        *(prefix, trained, max_seq_length, trained + 1, max_seq_length, trained),
    )
    return True


def _of_record(record: dict) -> int | None:
    try:
        inputs = record["inputs"]
        own, init = inputs["records"]["max_seq_length"], inputs["init_checkpoint"]
        if init is None:
            return own
        earlier = init.get("trained_positions")
        return None if earlier is None else max(own, earlier)
    except (KeyError, TypeError, AttributeError):
        return None

"""TF1 checkpoints into the model."""

import contextlib
import os
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.checkpoints.assign import assign_variables
from clinicalbert_tf.checkpoints.checkpoint_files import resolve_checkpoint
from clinicalbert_tf.checkpoints.names import (
    PRETRAINING_PREFIXES,
    model_variables,
    names_of_other_heads,
    training_state,
)
from clinicalbert_tf.checkpoints.restore_report import RestoreReport

__all__ = [
    "CorruptCheckpointError",
    "list_variables",
    "read_tf1_checkpoint_tensors",
    "resolve_checkpoint",
    "restore_checkpoint",
]

_TF2_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


class CorruptCheckpointError(ValueError):
    """A checkpoint's files are there and cannot be read: truncated, or bytes changed."""


def restore_checkpoint(
    model,
    prefix: str | os.PathLike,
    *,
    allow_missing_heads: bool = False,
    allow_missing: Sequence[str] = (),
) -> RestoreReport:
    """Reads a TF1 checkpoint into a model.

    Adam slots and global_step are skipped by name; if heads may differ, other heads are too.

    Args:
        model: what a builder of clinicalbert_tf.modeling returned.
        prefix: the checkpoint: prefix, directory or .index file.
        allow_missing_heads: whether the checkpoint may lack the masked language model's head or
            the next sentence head, each as a whole, or have other heads. What it lacks keeps its
            values; both are listed. A model without heads takes any.
        allow_missing: further beginnings of names that it may lack as a whole
            (names.POOLER).

    Returns:
        What was restored, initialised and skipped; print it.

    Raises:
        FileNotFoundError: no such checkpoint.
        CorruptCheckpointError: a file of it is damaged.
        ValueError: missing, unused or misshaped variables; lists all of them. Nothing is assigned.
    """
    prefix = resolve_checkpoint(prefix)
    reader = _Reader(prefix)
    if _TF2_OBJECT_GRAPH in reader.shapes:
        raise ValueError(
            f"{prefix}: expected a TF1 checkpoint of variable names, received a TF2 object-based "
            "one. Convert it with the program that wrote it."
        )
    state = training_state(reader.shapes)
    foreign = names_of_other_heads(set(reader.shapes).difference(state), model.heads)
    may_differ = allow_missing_heads or not model.heads
    return assign_variables(
        model_variables(model),
        reader.shapes,
        reader.read,
        prefix,
        skipped=[*state, *(foreign if may_differ else ())],
        allow_missing=(*(PRETRAINING_PREFIXES if allow_missing_heads else ()), *allow_missing),
    )


def list_variables(prefix: str | os.PathLike) -> dict[str, list[int]]:
    """Names and shapes of everything in a checkpoint.

    Raises:
        FileNotFoundError, CorruptCheckpointError: as restore_checkpoint.
    """
    return _Reader(resolve_checkpoint(prefix)).shapes


def read_tf1_checkpoint_tensors(
    prefix: str | os.PathLike, names: Iterable[str]
) -> dict[str, np.ndarray]:
    """Reads arrays by name, for example an optimizer's slots and global_step.

    Args:
        prefix: the checkpoint: prefix, directory or .index file.
        names: TF1 names, for example "bert/pooler/dense/bias/adam_m".

    Returns:
        One array a name, in the checkpoint's shape and dtype.

    Raises:
        FileNotFoundError: no such checkpoint.
        CorruptCheckpointError: a file of it is damaged.
        ValueError: names that are not in it; lists all of them.
    """
    prefix, names = resolve_checkpoint(prefix), list(names)
    reader = _Reader(prefix)
    missing = [name for name in names if name not in reader.shapes]
    if missing:
        raise ValueError(
            f"{prefix}: expected {', '.join(missing)}, found no such names. Use a checkpoint "
            "that was saved in training, or start with a fresh optimizer."
        )
    return {name: reader.read(name) for name in names}


class _Reader:
    """TensorFlow's reader, which checks each array's checksum as it reads it."""

    def __init__(self, prefix: str):
        self._prefix = prefix
        with self._damage_named():
            self._reader = tf.train.load_checkpoint(prefix)
            self.shapes = dict(self._reader.get_variable_to_shape_map())

    def read(self, name: str) -> np.ndarray:
        with self._damage_named():
            return self._reader.get_tensor(name)

    @contextlib.contextmanager
    def _damage_named(self):
        try:
            yield
        # A data file that is too short comes as IndexError, the rest as one of the others.
        except (tf.errors.OpError, RuntimeError, IndexError) as error:
            raise CorruptCheckpointError(
                f"{self._prefix}: expected a readable TF1 checkpoint, received a damaged one "
                f"({getattr(error, 'message', error)}). Copy or download its files again."
            ) from None

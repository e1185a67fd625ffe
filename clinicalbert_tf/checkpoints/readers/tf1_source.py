"""A TF1 checkpoint with its bert_config.json and vocab.txt -> CheckpointSource."""

import functools
import os

import numpy as np

from clinicalbert_tf.checkpoints.checkpoint_files import resolve_checkpoint
from clinicalbert_tf.checkpoints.source import CheckpointSource, LazyTensor, LazyTensors, as_float32
from clinicalbert_tf.config import BertConfig

CONFIG_NAME = "bert_config.json"
VOCABULARY_NAME = "vocab.txt"


def read_tf1_source(prefix: str | os.PathLike) -> CheckpointSource:
    """Reads the names of a checkpoint of the reference's kind, released or trained here.

    Args:
        prefix: the checkpoint: prefix, directory or .index file.

    Returns:
        The source; optimizer slots and counters are among `ignored`.

    Raises:
        FileNotFoundError: the checkpoint or bert_config.json is missing.
        CorruptCheckpointError: a file of it is damaged.
        ValueError: bert_config.json is not a sound one.
    """
    from clinicalbert_tf.checkpoints.readers.tf1 import (
        OPTIMIZER_SLOTS,
        TRAINING_NAMES,
        list_variables,
    )

    prefix = resolve_checkpoint(prefix)
    folder = os.path.dirname(os.path.abspath(prefix))
    config = BertConfig.from_json_file(os.path.join(folder, CONFIG_NAME))
    shapes = list_variables(prefix)
    ignored = {
        name
        for name in shapes
        if name in TRAINING_NAMES or name.rsplit("/", 1)[-1] in OPTIMIZER_SLOTS
    }
    vocab_file = os.path.join(folder, VOCABULARY_NAME)
    return CheckpointSource(
        kind="tf1",
        path=prefix,
        config=config,
        tensors=LazyTensors(
            {
                name: LazyTensor(tuple(shape), functools.partial(_load, prefix, name))
                for name, shape in shapes.items()
                if name not in ignored
            }
        ),
        vocab_file=vocab_file if os.path.isfile(vocab_file) else None,
        ignored=tuple(sorted(ignored)),
    )


def _load(prefix: str, name: str) -> np.ndarray:
    from clinicalbert_tf.checkpoints.readers.tf1 import read_tf1_checkpoint_tensors

    array = read_tf1_checkpoint_tensors(prefix, [name])[name]
    return as_float32(array) if array.dtype.kind == "f" else array

"""A TF1 checkpoint with its configuration and vocabulary -> CheckpointSource."""

import functools
import os
import re
from collections.abc import Mapping

import numpy as np

from clinicalbert_tf.checkpoints.checkpoint_files import resolve_checkpoint
from clinicalbert_tf.checkpoints.model_files import (
    TF1_CONFIG,
    VOCABULARY,
    find_config,
    find_vocab_file,
)
from clinicalbert_tf.checkpoints.names import training_state
from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import (
    TOKENIZER_FILES,
    TOKENIZER_NAME,
    find_vocabulary,
)
from clinicalbert_tf.checkpoints.source import CheckpointSource, LazyTensor, LazyTensors, as_float32
from clinicalbert_tf.checkpoints.task_file import read_task
from clinicalbert_tf.config import BertConfig

CONFIG_NAME = TF1_CONFIG
VOCABULARY_NAME = VOCABULARY
# A TF-Hub module keeps its checkpoint below its folder, and its vocabulary in assets/.
HUB_PREFIX = os.path.join("variables", "variables")
_HUB_ASSETS = "assets"
_WORD_EMBEDDINGS = "bert/embeddings/word_embeddings"
# No BERT was published with heads of another width.
_HEAD_SIZE = 64


def read_tf1_source(
    prefix: str | os.PathLike,
    config_file: str | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> CheckpointSource:
    """Reads the names of a checkpoint of the reference's kind, released or trained here.

    Args:
        prefix: the checkpoint: prefix, directory or .index file; or a TF-Hub module's folder.
        config_file: its bert_config.json, if that is not beside it.
        cache_dir: where a vocabulary with added tokens is written; see archives.cache_folder.

    Returns:
        The source; optimizer slots and counters are among `ignored`.

    Raises:
        FileNotFoundError: the checkpoint or its configuration is missing.
        CorruptCheckpointError: a file of it is damaged.
        ValueError: the configuration is not a sound one.
    """
    from clinicalbert_tf.checkpoints.readers.tf1 import list_variables

    if is_hub_module(prefix):
        prefix = os.path.join(prefix, HUB_PREFIX)
    prefix = resolve_checkpoint(prefix)
    folder = os.path.dirname(os.path.abspath(prefix))
    module = os.path.dirname(folder) if os.path.basename(prefix) == "variables" else None
    shapes = list_variables(prefix)
    ignored = training_state(shapes)
    weights = {name: shape for name, shape in shapes.items() if name not in set(ignored)}
    remarks: tuple[str, ...] = ()
    if config_file is None and module and not os.path.isfile(os.path.join(folder, TF1_CONFIG)):
        config, remarks = _config_of_shapes(prefix, weights)
    else:
        config = BertConfig.from_json_file(config_file or find_config(folder))
    task = read_task(folder)
    beside = (folder, *([os.path.join(module, _HUB_ASSETS)] if module else []))
    vocabulary = None
    vocab_file = find_vocab_file(*beside)
    tokenizer_files = TOKENIZER_FILES if vocab_file else (*TOKENIZER_FILES, TOKENIZER_NAME)
    if any(os.path.isfile(os.path.join(folder, name)) for name in tokenizer_files):
        vocabulary = find_vocabulary(folder, cache_dir)
    casing = vocabulary and vocabulary.do_lower_case
    return CheckpointSource(
        kind="tf1",
        path=prefix,
        config=config,
        tensors=LazyTensors(
            {
                name: LazyTensor(tuple(shape), functools.partial(_load, prefix, name))
                for name, shape in weights.items()
            }
        ),
        vocab_file=vocabulary.vocab_file if vocabulary else vocab_file,
        added_tokens=vocabulary.added_tokens if vocabulary else (),
        do_lower_case=task.do_lower_case if task and task.do_lower_case is not None else casing,
        task=task,
        ignored=tuple(ignored),
        remarks=remarks,
    )


def is_hub_module(path: str | os.PathLike) -> bool:
    """Whether a path is the folder of a TF-Hub module, or of another SavedModel."""
    return os.path.isfile(os.path.join(path, HUB_PREFIX + ".index"))


def _config_of_shapes(prefix: str, shapes: Mapping) -> tuple[BertConfig, tuple[str, ...]]:
    """The configuration of a TF-Hub module, which has no file for it."""
    layers = {m[1] for name in shapes if (m := re.match(r"bert/encoder/layer_(\d+)/", name))}
    if _WORD_EMBEDDINGS not in shapes or not layers:
        raise ValueError(
            f"{prefix}: expected the variables of a BERT ({_WORD_EMBEDDINGS} ...), received "
            f"{len(shapes)} others. Give the folder of a BERT module."
        )
    vocab_size, hidden = shapes[_WORD_EMBEDDINGS]
    if hidden % _HEAD_SIZE:
        raise ValueError(
            f"{prefix}: expected a {TF1_CONFIG}, as hidden_size {hidden} does not tell the "
            "number of attention heads; received none. Give the configuration file."
        )
    config = BertConfig(
        vocab_size=int(vocab_size),
        hidden_size=int(hidden),
        num_hidden_layers=len(layers),
        num_attention_heads=int(hidden) // _HEAD_SIZE,
        intermediate_size=int(shapes["bert/encoder/layer_0/intermediate/dense/bias"][0]),
        max_position_embeddings=int(shapes["bert/embeddings/position_embeddings"][0]),
        type_vocab_size=int(shapes["bert/embeddings/token_type_embeddings"][0]),
    )
    return config, (
        f"A TF-Hub module has no {TF1_CONFIG}: sizes are from the shapes, with "
        f"{config.num_attention_heads} heads of {_HEAD_SIZE} as in every published BERT; dropout "
        "is the default.",
    )


def _load(prefix: str, name: str) -> np.ndarray:
    from clinicalbert_tf.checkpoints.readers.tf1 import read_tf1_checkpoint_tensors

    array = read_tf1_checkpoint_tensors(prefix, [name])[name]
    return as_float32(array) if array.dtype.kind == "f" else array

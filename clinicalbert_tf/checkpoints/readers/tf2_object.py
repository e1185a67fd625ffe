"""A TF2 object-based checkpoint, as tensorflow/models writes it -> CheckpointSource."""

import functools
import math
import os

import numpy as np

from clinicalbert_tf.checkpoints.checkpoint_files import resolve_checkpoint
from clinicalbert_tf.checkpoints.model_files import (
    TF1_CONFIG,
    find_config,
    find_vocab_file,
    has_config,
)
from clinicalbert_tf.checkpoints.readers.object_graph import ObjectGraph, find_variables
from clinicalbert_tf.checkpoints.source import (
    CheckpointSource,
    LazyTensor,
    LazyTensors,
    as_float32,
    reference_shapes,
)
from clinicalbert_tf.config import BertConfig

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
CONFIG_NAME = TF1_CONFIG
_NEXT_SENTENCE_WEIGHTS = "cls/seq_relationship/output_weights"


def is_object_checkpoint(prefix: str | os.PathLike) -> bool:
    """Whether a checkpoint is an object-based one; a checkpoint of names (TF1) is not."""
    from clinicalbert_tf.checkpoints.readers.tf1 import list_variables

    return OBJECT_GRAPH in list_variables(prefix)


def read_tf2_checkpoint(
    prefix: str | os.PathLike, config: BertConfig | None = None
) -> CheckpointSource:
    """Finds a BERT in an object-based checkpoint, whatever object was saved.

    Args:
        prefix: the checkpoint: prefix, directory or .index file.
        config: its configuration; None for the bert_config.json next to it, or, if there is
            none, for what the shapes tell (the dropout fractions are then the defaults).

    Returns:
        The source; its weights are read when they are asked for.

    Raises:
        FileNotFoundError: no such checkpoint.
        CorruptCheckpointError: a file of it is damaged.
        ValueError: no object-based checkpoint, no BERT in it, or a configuration that does not
            fit its shapes.
    """
    from clinicalbert_tf.checkpoints.readers.tf1 import list_variables

    prefix = resolve_checkpoint(prefix)
    folder = os.path.dirname(os.path.abspath(prefix))
    shapes = {key: tuple(shape) for key, shape in list_variables(prefix).items()}
    keys = _find_keys(prefix, shapes)
    remarks: list[str] = []
    if config is None and has_config(folder, (CONFIG_NAME,)):
        config = BertConfig.from_json_file(find_config(folder, (CONFIG_NAME,)))
    elif config is None:
        config = _config_of(prefix, {name: shapes[key] for name, key in keys.items()})
        remarks.append("No bert_config.json: sizes are from the shapes, dropout is the default.")
    assets = os.path.join(os.path.dirname(folder), "assets")
    is_saved_model = os.path.basename(prefix) == "variables"
    tensors = _tensors(prefix, keys, shapes, config)
    return CheckpointSource(
        kind="tf2_object",
        path=prefix,
        config=config,
        tensors=tensors,
        vocab_file=find_vocab_file(folder, *([assets] if is_saved_model else [])),
        ignored=tuple(sorted(set(shapes) - set(keys.values()))),
        remarks=tuple(remarks),
    )


def _find_keys(prefix: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    from clinicalbert_tf.checkpoints.readers.tf1 import read_tf1_checkpoint_tensors

    if OBJECT_GRAPH not in shapes:
        raise ValueError(
            f"{prefix}: expected a TF2 object-based checkpoint, received one of variable names. "
            "Read it as a TF1 checkpoint."
        )
    data = read_tf1_checkpoint_tensors(prefix, [OBJECT_GRAPH])[OBJECT_GRAPH]
    proto = trackable_object_graph_pb2.TrackableObjectGraph()
    proto.ParseFromString(data if isinstance(data, bytes) else data.item())
    try:
        found = find_variables(ObjectGraph(proto))
    except LookupError as error:
        raise ValueError(
            f"{prefix}: expected one BERT of tensorflow/models in this TF2 checkpoint, received "
            f"{error.args[0]}; {len(shapes)} entries, for example "
            f"{', '.join(sorted(shapes)[1:4])}. Export the encoder alone and give that."
        ) from None
    # An object that was never built has a place in the graph and no value.
    return {name: key for name, key in found.items() if key in shapes}


def _tensors(prefix, keys, shapes, config) -> LazyTensors:
    """Heads are folded into one axis as in the reference: the same numbers in the same order."""
    expected = reference_shapes(config)
    tensors = {}
    for name, key in keys.items():
        transposed = name == _NEXT_SENTENCE_WEIGHTS
        shape = shapes[key][::-1] if transposed else shapes[key]
        wanted = expected.get(name, shape)
        # Another number of elements stays as it is, for the check of all shapes to list.
        if not transposed and math.prod(wanted) == math.prod(shape):
            _check_heads(prefix, name, shape, config)
            shape = wanted
        tensors[name] = LazyTensor(shape, functools.partial(_load, prefix, key, shape, transposed))
    return LazyTensors(tensors)


def _load(prefix: str, key: str, shape: tuple[int, ...], transposed: bool) -> np.ndarray:
    from clinicalbert_tf.checkpoints.readers.tf1 import read_tf1_checkpoint_tensors

    array = read_tf1_checkpoint_tensors(prefix, [key])[key]
    return as_float32(array.T if transposed else np.reshape(array, shape))


def _check_heads(prefix: str, name: str, shape: tuple[int, ...], config: BertConfig) -> None:
    """[hidden, heads, head size] tells the heads, which a reshape would hide."""
    heads = _heads(name, shape)
    if heads not in (None, config.num_attention_heads):
        raise ValueError(
            f"{prefix}: expected num_attention_heads {config.num_attention_heads} as the "
            f"configuration says, received {heads} in {name}. Give the bert_config.json of this "
            "checkpoint."
        )


def _heads(name: str, shape: tuple[int, ...]) -> int | None:
    if len(shape) != 3 or not name.endswith("/kernel"):
        return None
    return shape[1] if "/attention/self/" in name else shape[0]


def _config_of(prefix: str, shapes: dict[str, tuple[int, ...]]) -> BertConfig:
    """The configuration that the shapes tell; the activation is the one of tensorflow/models."""
    query = "bert/encoder/layer_0/attention/self/query/kernel"
    heads = _heads(query, shapes.get(query, ()))
    if heads is None:
        raise ValueError(
            f"{prefix}: expected a {CONFIG_NAME} next to this checkpoint, whose shapes do not "
            "tell the number of heads; received none. Copy the one released with it."
        )
    layers = {name.split("/")[2] for name in shapes if name.startswith("bert/encoder/")}
    vocab_size, hidden_size = shapes["bert/embeddings/word_embeddings"]
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        num_hidden_layers=len(layers),
        num_attention_heads=heads,
        intermediate_size=shapes["bert/encoder/layer_0/intermediate/dense/bias"][0],
        max_position_embeddings=shapes["bert/embeddings/position_embeddings"][0],
        type_vocab_size=shapes["bert/embeddings/token_type_embeddings"][0],
    )

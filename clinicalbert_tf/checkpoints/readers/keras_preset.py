"""A Keras preset folder (keras_nlp's save_to_preset) -> CheckpointSource. Keras is not needed."""

import dataclasses
import functools
import os
from typing import Any

import numpy as np

from clinicalbert_tf.checkpoints.readers.huggingface import read_safetensors
from clinicalbert_tf.checkpoints.readers.huggingface_added_tokens import find_added_tokens
from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import TOKENIZER_CONFIG_NAME
from clinicalbert_tf.checkpoints.source import (
    CheckpointSource,
    LazyTensor,
    LazyTensors,
    as_float32,
    reference_shapes,
)
from clinicalbert_tf.checkpoints.task_file import read_task
from clinicalbert_tf.checkpoints.text_files import read_json
from clinicalbert_tf.config import BertConfig
from tfrecords_builder.tokenization import AddedToken, load_vocabulary

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.weights.h5"
TASK_WEIGHTS_NAME = "task.weights.h5"
TOKENIZER_NAME = "tokenizer.json"
VOCABULARY = os.path.join("assets", "tokenizer", "vocabulary.txt")
SHARDED_NAME = "model.weights.json"
# What a preset has no place for; writers.keras_preset_folder writes both files beside it.
REFERENCE_CONFIG_NAME = "bert_config.json"
REFERENCE_VARIABLES_NAME = "reference_variables.safetensors"

# keras_nlp's own class and this package's, which knows more of bert_config.json.
_CLASSES = ("BertBackbone", "ReferenceBertBackbone")
_KEYS = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "intermediate_dim",
    "max_position_embeddings": "max_sequence_length",
    "type_vocab_size": "num_segments",
    "hidden_dropout_prob": "dropout",
}
_DENSE, _LAYER_NORM = ("kernel", "bias"), ("gamma", "beta")
# Groups of the file below "layers/" -> the reference's scope and what vars/0 and vars/1 are. Keras
# names a group after the layer's class: the first line of each pair is keras_nlp's layer.
_MODEL_GROUPS = (
    ("reversible_embedding", "bert/embeddings/word_embeddings", ("",)),
    ("token_embedding", "bert/embeddings/word_embeddings", ("",)),
    ("position_embedding", "bert/embeddings/position_embeddings", ("",)),
    ("embedding", "bert/embeddings/token_type_embeddings", ("",)),
    ("segment_embedding", "bert/embeddings/token_type_embeddings", ("",)),
    ("layer_normalization", "bert/embeddings/LayerNorm", _LAYER_NORM),
    ("row_normalization", "bert/embeddings/LayerNorm", _LAYER_NORM),
    ("dense", "bert/pooler/dense", _DENSE),
)
_LAYER_GROUPS = {
    "transformer_encoder": (
        ("_self_attention_layer/query_dense", "attention/self/query", _DENSE),
        ("_self_attention_layer/key_dense", "attention/self/key", _DENSE),
        ("_self_attention_layer/value_dense", "attention/self/value", _DENSE),
        ("_self_attention_layer/output_dense", "attention/output/dense", _DENSE),
        ("_self_attention_layer_norm", "attention/output/LayerNorm", _LAYER_NORM),
        ("_feedforward_intermediate_dense", "intermediate/dense", _DENSE),
        ("_feedforward_output_dense", "output/dense", _DENSE),
        ("_feedforward_layer_norm", "output/LayerNorm", _LAYER_NORM),
    ),
    "encoder_layer": (
        ("attention/query_dense", "attention/self/query", _DENSE),
        ("attention/key_dense", "attention/self/key", _DENSE),
        ("attention/value_dense", "attention/self/value", _DENSE),
        ("attention/output_dense", "attention/output/dense", _DENSE),
        ("attention_layer_norm", "attention/output/LayerNorm", _LAYER_NORM),
        ("intermediate_dense", "intermediate/dense", _DENSE),
        ("output_dense", "output/dense", _DENSE),
        ("output_layer_norm", "output/LayerNorm", _LAYER_NORM),
    ),
}
_MASKED_LM_GROUPS = (
    ("masked_lm_head", "cls/predictions/output_bias", ("",)),
    ("masked_lm_head/_intermediate_dense", "cls/predictions/transform/dense", _DENSE),
    (
        "masked_lm_head/_intermediate_layer_norm",
        "cls/predictions/transform/LayerNorm",
        _LAYER_NORM,
    ),
)
_MASKED_LM_REMARK = (
    "keras_nlp's BertMaskedLM computes its head with the exact gelu and LayerNorm epsilon 1e-5; "
    "here it is computed as in the reference, so its probabilities differ a little."
)


def is_keras_preset(folder: str | os.PathLike) -> bool:
    """Whether a folder holds the weights of a preset."""
    return any(os.path.isfile(os.path.join(folder, name)) for name in (WEIGHTS_NAME, SHARDED_NAME))


def read_keras_preset(folder: str | os.PathLike) -> CheckpointSource:
    """Reads the preset of a BertBackbone or of a task on one.

    Args:
        folder: config.json and model.weights.h5; the vocabulary in assets/tokenizer and
            tokenizer.json where a tokenizer was saved; task.weights.h5 for the head of
            BertMaskedLM.

    Returns:
        The source; its weights are read when they are asked for.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: another model than a BertBackbone, a preset in parts, or damaged files.
    """
    folder = os.path.abspath(os.path.expanduser(os.fspath(folder)))
    if not os.path.isfile(os.path.join(folder, WEIGHTS_NAME)):
        raise FileNotFoundError(
            f"Expected {WEIGHTS_NAME} in {folder}, found none (weights in parts, {SHARDED_NAME}, "
            "cannot be read). Save the preset with max_shard_size=None."
        )
    config = _read_config(os.path.join(folder, CONFIG_NAME))
    tensors, ignored = _read_weights(os.path.join(folder, WEIGHTS_NAME), _groups(config), config)
    remarks: tuple[str, ...] = ()
    task_file = os.path.join(folder, TASK_WEIGHTS_NAME)
    if os.path.isfile(task_file):
        head, other = _read_weights(task_file, _MASKED_LM_GROUPS, config)
        tensors |= head
        ignored += other
        remarks = (_MASKED_LM_REMARK,) if head else ()
    tensors |= _read_reference_variables(os.path.join(folder, REFERENCE_VARIABLES_NAME))
    vocab_file = os.path.join(folder, VOCABULARY)
    return CheckpointSource(
        kind="keras_preset",
        path=folder,
        config=config,
        tensors=LazyTensors(tensors),
        vocab_file=vocab_file if os.path.isfile(vocab_file) else None,
        added_tokens=_added_tokens(folder, vocab_file),
        do_lower_case=_casing(os.path.join(folder, TOKENIZER_NAME)),
        task=read_task(folder),
        ignored=ignored,
        remarks=remarks,
    )


def _read_config(path: str) -> BertConfig:
    saved = read_json(path)
    values = saved.get("config")
    if saved.get("class_name") not in _CLASSES or not isinstance(values, dict):
        raise ValueError(
            f"{path}: expected the preset of a {_CLASSES[0]}, received class_name "
            f"{saved.get('class_name')!r}. Only BERT presets can be read."
        )
    missing = sorted(key for key in _KEYS.values() if key not in values)
    if missing:
        raise ValueError(
            f"{path}: expected the settings of a {_CLASSES[0]}, received none of "
            f"{', '.join(missing)}. Save the preset again."
        )
    known: dict[str, Any] = {ours: values[theirs] for ours, theirs in _KEYS.items()}
    # keras_nlp's class has one dropout, and the tanh form of gelu without saying so.
    known["attention_probs_dropout_prob"] = values.get("attention_dropout", values["dropout"])
    known["hidden_act"] = values.get("hidden_act", "gelu")
    known["initializer_range"] = values.get("initializer_range", 0.02)
    config = BertConfig.from_dict(known, source=path)
    reference = os.path.join(os.path.dirname(path), REFERENCE_CONFIG_NAME)
    return _with_reference_settings(config, reference) if os.path.isfile(reference) else config


def _with_reference_settings(config: BertConfig, path: str) -> BertConfig:
    """The configuration with the settings of bert_config.json that a preset cannot hold."""
    reference = BertConfig.from_json_file(path)
    keys = ("attention_probs_dropout_prob", "initializer_range")
    config = dataclasses.replace(config, **{key: getattr(reference, key) for key in keys})
    if config != reference:
        raise ValueError(
            f"{path}: expected the settings of the preset's {CONFIG_NAME}, received others. "
            "Remove the file of the two that is not this model's."
        )
    return config


def _read_reference_variables(path: str) -> dict[str, LazyTensor]:
    """The variables beside a preset, by the reference's names; none where the file is not there."""
    if not os.path.isfile(path):
        return {}
    stored = read_safetensors(path)
    return {
        name: LazyTensor(shape, functools.partial(stored.__getitem__, name))
        for name, shape in stored.shapes.items()
    }


def _added_tokens(folder: str, vocab_file: str) -> tuple[AddedToken, ...]:
    """The tokens of tokenizer_config.json, which writers.companions writes beside a preset."""
    path = os.path.join(folder, TOKENIZER_CONFIG_NAME)
    if not (os.path.isfile(path) and os.path.isfile(vocab_file)):
        return ()
    return find_added_tokens(folder, load_vocabulary(vocab_file), {}, read_json(path))


def _casing(path: str) -> bool | None:
    if not os.path.isfile(path):
        return None
    values = read_json(path).get("config")
    lowercase = values.get("lowercase") if isinstance(values, dict) else None
    return lowercase if isinstance(lowercase, bool) else None


def _groups(config: BertConfig) -> list[tuple[str, str, tuple[str, ...]]]:
    groups = list(_MODEL_GROUPS)
    for kind, below in _LAYER_GROUPS.items():
        for number in range(config.num_hidden_layers):
            layer = f"{kind}_{number}" if number else kind
            groups += [
                (f"{layer}/{group}", f"bert/encoder/layer_{number}/{scope}", variables)
                for group, scope, variables in below
            ]
    return groups


def _read_weights(path: str, groups, config: BertConfig):
    """{the reference's name: lazy tensor} of the groups that are there, and all other names."""
    shapes = _list_datasets(path)
    expected = reference_shapes(config)
    tensors, used = {}, set()
    for group, scope, variables in groups:
        for number, variable in enumerate(variables):
            key = f"layers/{group}/vars/{number}"
            if key not in shapes:
                continue
            name = f"{scope}/{variable}".rstrip("/")
            # Heads are folded into one axis: the same numbers in the same order.
            wanted, stored = expected[name], shapes[key]
            shape = wanted if np.prod(wanted) == np.prod(stored) else stored
            tensors[name] = LazyTensor(shape, functools.partial(_load, path, key, shape))
            used.add(key)
    return tensors, tuple(sorted(set(shapes) - used))


def _list_datasets(path: str) -> dict[str, tuple[int, ...]]:
    import h5py

    shapes: dict[str, tuple[int, ...]] = {}

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            shapes[name] = tuple(item.shape)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError) as error:
        raise _damaged(path, error) from None
    return shapes


def _load(path: str, key: str, shape: tuple[int, ...]) -> np.ndarray:
    import h5py

    # Gives NumPy the name bfloat16.
    import ml_dtypes  # noqa: F401

    try:
        with h5py.File(path, "r") as file:
            array = file[key][()]
            if array.dtype.kind == "V":
                # HDF5 has no bfloat16: Keras stores its two bytes and names it beside.
                array = array.view(file[key].attrs.get("dtype", "bfloat16"))
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from None
    return as_float32(np.reshape(array, shape))


def _damaged(path: str, error: Exception) -> ValueError:
    return ValueError(
        f"{path}: expected a whole HDF5 file of weights, received a damaged, truncated or other "
        f"one of {os.path.getsize(path):,} bytes ({error.__class__.__name__}). Copy it again."
    )

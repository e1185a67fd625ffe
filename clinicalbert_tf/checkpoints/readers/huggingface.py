"""A Hugging Face folder -> CheckpointSource. transformers and torch are not needed."""

import functools
import os
from typing import Any

from clinicalbert_tf.checkpoints.model_files import TF1_CONFIG, find_config, only_weights
from clinicalbert_tf.checkpoints.readers.huggingface_names import from_huggingface
from clinicalbert_tf.checkpoints.readers.huggingface_task import task_from_huggingface
from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import find_vocabulary
from clinicalbert_tf.checkpoints.readers.torch_pickle import read_torch_checkpoint
from clinicalbert_tf.checkpoints.source import (
    REFERENCE_LAYER_NORM_EPSILON,
    CheckpointSource,
    LazyTensor,
    LazyTensors,
)
from clinicalbert_tf.checkpoints.task_file import read_task
from clinicalbert_tf.checkpoints.text_files import read_json
from clinicalbert_tf.config import BertConfig

CONFIG_NAME = "config.json"
SAFETENSORS_NAME = "model.safetensors"
TORCH_NAME = "pytorch_model.bin"
_INDEX_ENDING = ".index.json"
_UNREAD_WEIGHTS = ("tf_model.h5", "flax_model.msgpack")
WEIGHT_NAMES = tuple(
    name + ending for name in (SAFETENSORS_NAME, TORCH_NAME) for ending in ("", _INDEX_ENDING)
)

# Keys of both configurations and transformers' defaults (BertConfig of transformers 4 and 5).
_DEFAULTS = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
}
# transformers' "gelu" is the exact form, BERT's own is "gelu_new" there.
ACTIVATIONS = {
    "gelu": "gelu_erf",
    "gelu_python": "gelu_erf",
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "gelu_python_tanh": "gelu",
    "gelu_fast": "gelu",
    "gelu_accurate": "gelu",
    "relu": "relu",
    "tanh": "tanh",
    "linear": "linear",
}
# Each of these makes another computation of the same tensors: key -> the value that is BERT's.
_PLAIN_BERT = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "is_encoder_decoder": False,
    "quantization_config": None,
}


def is_huggingface_folder(folder: str | os.PathLike) -> bool:
    """Whether a folder holds weights as transformers writes them, by its names or as one file."""
    names = (*WEIGHT_NAMES, *_UNREAD_WEIGHTS)
    usual = any(os.path.isfile(os.path.join(folder, name)) for name in names)
    return usual or only_weights(os.fspath(folder)) is not None


def read_huggingface_folder(
    folder: str | os.PathLike,
    cache_dir: str | os.PathLike | None = None,
    config_file: str | None = None,
) -> CheckpointSource:
    """Reads config.json, the vocabulary, the casing and the names of the tensors.

    Args:
        folder: config.json, or bert_config.json as in 2019; vocab.txt or tokenizer.json;
            model.safetensors or pytorch_model.bin, each also in several files with its index.
        cache_dir: where the vocabulary of a tokenizer.json is written as vocab.txt; see
            archives.cache_folder.
        config_file: the configuration, if it is not in the folder.

    Returns:
        The source; its weights are read when they are asked for.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: not a BERT, a BERT that computes otherwise than the reference, or damaged
            files.
    """
    folder = os.path.abspath(os.path.expanduser(os.fspath(folder)))
    config_file = config_file or find_config(folder, (CONFIG_NAME, TF1_CONFIG))
    values = read_json(config_file)
    config = config_from_huggingface(values, config_file)
    tensors, ignored = from_huggingface(_read_weights(folder), config, folder)
    vocabulary = find_vocabulary(folder, cache_dir)
    casing = vocabulary.do_lower_case
    task = read_task(folder) or task_from_huggingface(values, tensors.shapes, config_file)
    if task is not None and task.do_lower_case is not None:
        casing = task.do_lower_case
    return CheckpointSource(
        kind="huggingface",
        path=folder,
        config=config,
        tensors=tensors,
        vocab_file=vocabulary.vocab_file,
        added_tokens=vocabulary.added_tokens,
        do_lower_case=casing,
        layer_norm_epsilon=float(values.get("layer_norm_eps", REFERENCE_LAYER_NORM_EPSILON)),
        task=task,
        ignored=ignored,
        remarks=vocabulary.remarks,
    )


def config_from_huggingface(values: dict[str, Any], path: str) -> BertConfig:
    """The BertConfig of a config.json.

    Raises:
        ValueError: another model_type, an unknown hidden_act, or a setting with which transformers
            computes something else than BERT; the setting is named.
    """
    architectures = values.get("architectures") or []
    # Files of 2019 say neither; then the names of the tensors tell whether it is a BERT.
    is_bert = not architectures or any(str(name).startswith("Bert") for name in architectures)
    model_type = values.get("model_type") or ("bert" if is_bert else None)
    if model_type != "bert":
        raise ValueError(
            f"{path}: expected model_type 'bert', received {model_type!r} (architectures "
            f"{', '.join(map(str, architectures)) or 'not given'}). Only BERT models can be read."
        )
    for key, plain in _PLAIN_BERT.items():
        if values.get(key, plain) not in (plain, None):
            raise ValueError(
                f"{path}: expected {key} {plain!r}, received {values[key]!r}. The reference's "
                "model does not compute that: give a plain BERT encoder."
            )
    if values.get("pruned_heads"):
        raise ValueError(
            f"{path}: expected all attention heads, received pruned_heads. Give the model before "
            "pruning."
        )
    hidden_act = values.get("hidden_act", "gelu")
    if hidden_act not in ACTIVATIONS:
        raise ValueError(
            f"{path}: expected hidden_act to be one of {', '.join(ACTIVATIONS)}, received "
            f"{hidden_act!r}. Give a model with one of these."
        )
    known = {key: values.get(key, default) for key, default in _DEFAULTS.items()}
    return BertConfig.from_dict({**known, "hidden_act": ACTIVATIONS[hidden_act]}, source=path)


def _read_weights(folder: str) -> LazyTensors:
    """The tensors by their names in the files; safetensors first, as transformers does."""
    for name, read in ((SAFETENSORS_NAME, read_safetensors), (TORCH_NAME, read_torch_checkpoint)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return read(path)
        if os.path.isfile(path + _INDEX_ENDING):
            return _read_shards(path + _INDEX_ENDING, read)
    if path := only_weights(folder):
        is_safetensors = path.lower().endswith(".safetensors")
        return (read_safetensors if is_safetensors else read_torch_checkpoint)(path)
    found = [name for name in _UNREAD_WEIGHTS if os.path.isfile(os.path.join(folder, name))]
    raise FileNotFoundError(
        f"Expected {SAFETENSORS_NAME} or {TORCH_NAME} in {folder}, found "
        f"{', '.join(found) or 'neither'}. Get the model's weights as safetensors."
    )


def _read_shards(index: str, read) -> LazyTensors:
    """The tensors of model-00001-of-00003.safetensors and so on, by their index."""
    places = read_json(index).get("weight_map")
    folder = os.path.dirname(index)
    if not isinstance(places, dict) or not places:
        raise ValueError(
            f"{index}: expected a weight_map of names and files, received none. Download it again."
        )
    outside = [name for name in places.values() if os.path.basename(str(name)) != name]
    if outside:
        raise ValueError(
            f"{index}: expected files of its own folder, received {outside[0]!r}. Get the model "
            "from where it was published."
        )
    shards = {}
    for name in sorted(set(places.values())):
        if not os.path.isfile(os.path.join(folder, name)):
            raise FileNotFoundError(
                f"Expected {name} in {folder}, as {os.path.basename(index)} says, found none. "
                "Download all parts of the model."
            )
        shards[name] = read(os.path.join(folder, name))
    missing = sorted(tensor for tensor, name in places.items() if tensor not in shards[name])
    if missing:
        raise ValueError(
            f"{index}: expected {len(places)} tensors in its files, received {len(missing)} fewer: "
            f"{', '.join(missing[:8])}. Download all parts of the model again."
        )
    return LazyTensors(
        {
            tensor: LazyTensor(
                shards[name].shapes[tensor], functools.partial(shards[name].__getitem__, tensor)
            )
            for tensor, name in places.items()
        }
    )


def read_safetensors(path: str) -> LazyTensors:
    """The tensors of one safetensors file, in their own dtypes; read when they are asked for.

    Raises:
        ValueError: the file is damaged or no safetensors file.
    """
    # Gives NumPy the name bfloat16, which safetensors looks up.
    import ml_dtypes  # noqa: F401
    from safetensors import SafetensorError, safe_open

    def load(name: str):
        with safe_open(path, framework="numpy") as file:
            return file.get_tensor(name)

    try:
        with safe_open(path, framework="numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: expected a whole safetensors file, received a damaged, truncated or other "
            f"one of {os.path.getsize(path):,} bytes ({error.__class__.__name__}). Download it "
            "again."
        ) from None
    return LazyTensors(
        {name: LazyTensor(shape, functools.partial(load, name)) for name, shape in shapes.items()}
    )

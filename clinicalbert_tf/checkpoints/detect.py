"""The one door: any path that a user may have -> CheckpointSource."""

import dataclasses
import os
import re

from clinicalbert_tf.checkpoints.downloads.archives import DEFAULT_LIMITS, ArchiveLimits
from clinicalbert_tf.checkpoints.downloads.model_folders import locate_model
from clinicalbert_tf.checkpoints.model_files import (
    HUGGINGFACE_CONFIG,
    TF1_CONFIG,
    best_of_run,
    find_vocab_file,
    given_file,
    has_config,
    only_weights,
    refuse_pointers,
)
from clinicalbert_tf.checkpoints.readers.huggingface import (
    WEIGHT_NAMES,
    is_huggingface_folder,
    read_huggingface_folder,
)
from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import find_vocabulary
from clinicalbert_tf.checkpoints.readers.keras_preset import (
    WEIGHTS_NAME,
    is_keras_preset,
    read_keras_preset,
)
from clinicalbert_tf.checkpoints.readers.tf1_source import (
    HUB_PREFIX,
    is_hub_module,
    read_tf1_source,
)
from clinicalbert_tf.checkpoints.readers.tf2_object import (
    is_object_checkpoint,
    read_tf2_checkpoint,
)
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.checkpoints.vocabulary_check import settle_casing
from clinicalbert_tf.config import BertConfig

# Files of which only their folder, with configuration and vocabulary, is a model.
_WEIGHT_FILES = (*WEIGHT_NAMES, WEIGHTS_NAME)
_OWN_TF_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


def open_checkpoint(
    path: str | os.PathLike,
    model: str | None = None,
    *,
    config_file: str | os.PathLike | None = None,
    vocab_file: str | os.PathLike | None = None,
    do_lower_case: bool | None = None,
    cache_dir: str | os.PathLike | None = None,
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> CheckpointSource:
    """Finds out what a path is and reads it into the canonical form; weights stay on disk.

    Of a folder with several formats, the one whose configuration is there is read, a TF1
    checkpoint first; the files of the others are named among the remarks.

    Args:
        path: an archive (also of archives), a folder (of one model or of several, the output
            folder of a run included: a fine-tuning run means its best/), a checkpoint prefix or
            .index file, a model.safetensors, pytorch_model.bin or model.weights.h5.
        model: the name of one of several models in an archive or folder.
        config_file: the configuration, if it does not lie beside the weights.
        vocab_file: the vocabulary, if it does not lie beside the weights.
        do_lower_case: the casing; it wins, with a remark if it contradicts the model. None to
            leave it to what the model's files and vocabulary say.
        cache_dir: where archives are unpacked; see archives.cache_folder.
        limits: bounds of what an archive unpacks to.

    Returns:
        The source. Each of its weights is checked for NaN and infinity as it is read.

    Raises:
        FileNotFoundError: nothing there, or a file of the model is missing.
        ValueError: several models and none named, damaged files, no BERT; see the readers.
    """
    if config_file is not None:
        config_file = given_file(config_file, "a configuration", "bert_config_file")
    if vocab_file is not None:
        vocab_file = given_file(vocab_file, "a vocabulary", "vocab_file")
    if not os.fspath(path):
        raise FileNotFoundError("Expected the path of a model, received an empty one. Name it.")
    place = locate_model(best_of_run(path), model, cache_dir, limits)
    try:
        source = _read(place.path, config_file, vocab_file, cache_dir)
    except (ValueError, OSError):
        # Which makes a better message than what a reader found in it.
        refuse_pointers(place.path)
        raise
    if not os.path.isdir(source.path):
        refuse_pointers(source.path)
    if vocab_file is None and source.vocab_file is None and place.outer is not None:
        vocab_file = find_vocab_file(place.outer)
    if vocab_file is not None:
        source = _with_vocabulary(source, vocab_file, cache_dir)
    source = dataclasses.replace(source, tensors=source.tensors.checked(source.path))
    return source if do_lower_case is None else settle_casing(source, do_lower_case)


def _with_vocabulary(source: CheckpointSource, vocab_file: str, cache_dir) -> CheckpointSource:
    """The source with another file's vocabulary, which its own added tokens go behind."""
    if source.kind == "keras_preset":
        # Its tokenizer.json is Keras's own.
        return dataclasses.replace(source, vocab_file=vocab_file)
    folder = source.path if os.path.isdir(source.path) else os.path.dirname(source.path)
    found = find_vocabulary(folder, cache_dir, vocab_file)
    return dataclasses.replace(source, vocab_file=found.vocab_file, added_tokens=found.added_tokens)


def _read(place, config_file, vocab_file, cache_dir) -> CheckpointSource:
    if os.path.isfile(place):
        folder, name = os.path.split(os.path.abspath(place))
        if name in _WEIGHT_FILES or only_weights(folder) == os.path.join(folder, name):
            return _read_weight_file(folder, config_file, vocab_file, cache_dir)
    if os.path.isdir(place):
        return _read_folder(place, config_file, vocab_file, cache_dir)
    if os.path.isfile(place) and not (
        os.path.isfile(f"{place}.index") or _OWN_TF_FILE.search(place)
    ):
        raise ValueError(
            f"{place}: expected an archive, a folder or a file of a checkpoint (.index, "
            f"{', '.join(_WEIGHT_FILES)}), received another file. Give the folder of the model."
        )
    return _read_tensorflow(place, config_file, cache_dir)


def _read_folder(folder, config_file, vocab_file, cache_dir) -> CheckpointSource:
    """The model of a folder, with a remark about the files of other formats in it."""
    tensorflow = is_hub_module(folder) or any(
        name.endswith(".index") and name[0] != "." for name in os.listdir(folder)
    )
    others = [name for name in _WEIGHT_FILES if os.path.isfile(os.path.join(folder, name))]
    if not tensorflow or (others and not _has_tensorflow_config(folder, config_file)):
        left_alone = _tensorflow_files(folder) if tensorflow else []
        source = _read_weight_file(folder, config_file, vocab_file, cache_dir)
    else:
        left_alone = others
        source = _read_tensorflow(folder, config_file, cache_dir)
    if not left_alone:
        return source
    remark = (
        f"{folder} holds several formats: read as {source.kind}, left alone: "
        f"{', '.join(left_alone)}."
    )
    return dataclasses.replace(source, remarks=(*source.remarks, remark))


def _has_tensorflow_config(folder: str, config_file: str | None) -> bool:
    if config_file is not None:
        return True
    # A config.json is Hugging Face's; another name than bert_config.json is the one file there is.
    has_other = os.path.isfile(os.path.join(folder, HUGGINGFACE_CONFIG))
    return os.path.isfile(os.path.join(folder, TF1_CONFIG)) or (
        not has_other and has_config(folder, (TF1_CONFIG,))
    )


def _tensorflow_files(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith(".index"))


def _read_weight_file(folder, config_file, vocab_file, cache_dir) -> CheckpointSource:
    if is_keras_preset(folder):
        if config_file is not None:
            raise ValueError(
                f"{folder}: expected no configuration file for a Keras preset, which has its own, "
                f"received {config_file}. Drop it."
            )
        return read_keras_preset(folder)
    if is_huggingface_folder(folder):
        return read_huggingface_folder(folder, cache_dir, config_file)
    return _read_tensorflow(folder, config_file, cache_dir)


def _read_tensorflow(place: str, config_file: str | None, cache_dir) -> CheckpointSource:
    prefix = os.path.join(place, HUB_PREFIX) if is_hub_module(place) else place
    if is_object_checkpoint(prefix):
        config = config_file and BertConfig.from_json_file(config_file)
        return read_tf2_checkpoint(prefix, config)
    return read_tf1_source(place, config_file, cache_dir)

"""Any path that a user may have -> CheckpointSource."""

import os
import re

from clinicalbert_tf.checkpoints.downloads.archives import DEFAULT_LIMITS, ArchiveLimits
from clinicalbert_tf.checkpoints.downloads.model_folders import locate_model
from clinicalbert_tf.checkpoints.readers.huggingface import (
    is_huggingface_folder,
    read_huggingface_folder,
)
from clinicalbert_tf.checkpoints.readers.keras_preset import is_keras_preset, read_keras_preset
from clinicalbert_tf.checkpoints.readers.tf1_source import read_tf1_source
from clinicalbert_tf.checkpoints.readers.tf2_object import is_object_checkpoint, read_tf2_checkpoint
from clinicalbert_tf.checkpoints.source import CheckpointSource

# Files of which only their folder, with configuration and vocabulary, is a model.
_WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.weights.h5",
)
_OWN_TF_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


def open_source(
    path: str | os.PathLike,
    model: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> CheckpointSource:
    """Finds out what a path is and reads it into the canonical form; weights stay on disk.

    Args:
        path: an archive (also of archives), a folder (of one model or of several), a checkpoint
            prefix or .index file, a model.safetensors, pytorch_model.bin or model.weights.h5.
        model: the name of one of several models in an archive or folder.
        cache_dir: where archives are unpacked; see archives.cache_folder.
        limits: bounds of what an archive unpacks to.

    Returns:
        The source.

    Raises:
        FileNotFoundError: nothing there, or a file of the model is missing.
        ValueError: several models and none named, damaged files, no BERT; see the readers.
    """
    place = locate_model(path, model, cache_dir, limits)
    if os.path.isfile(place) and os.path.basename(place) in _WEIGHT_FILES:
        place = os.path.dirname(os.path.abspath(place))
    if os.path.isdir(place):
        if is_keras_preset(place):
            return read_keras_preset(place)
        if is_huggingface_folder(place):
            return read_huggingface_folder(place, cache_dir)
    elif os.path.isfile(place) and not (
        os.path.isfile(f"{place}.index") or _OWN_TF_FILE.search(place)
    ):
        raise ValueError(
            f"{place}: expected an archive, a folder or a file of a checkpoint (.index, "
            f"{', '.join(_WEIGHT_FILES)}), received another file. Give the folder of the model."
        )
    if is_object_checkpoint(place):
        return read_tf2_checkpoint(place)
    return read_tf1_source(place)

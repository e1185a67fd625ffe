"""What identifies a source's weights."""

import hashlib
import os
from collections.abc import Iterable

from clinicalbert_tf.checkpoints.checkpoint_files import INDEX
from clinicalbert_tf.checkpoints.source import CheckpointSource
from tfrecords_builder import schema


def fingerprint(source: CheckpointSource) -> str:
    """Returns what identifies a source's content, wherever its files lie.

    For a checkpoint of TensorFlow it is the SHA-256 of its index, which holds a checksum of every
    array: nothing else is read. For other formats it is weights_digest.

    Returns:
        64 hexadecimal digits. Two formats of one model have different ones.

    Raises:
        OSError, ValueError: the files cannot be read.
    """
    index = source.path + INDEX
    if not os.path.isfile(index):
        return weights_digest(source)
    return schema.file_sha256(index)


def weights_digest(source: CheckpointSource, names: Iterable[str] | None = None) -> str:
    """Returns the SHA-256 over names, shapes and numbers (float32, little-endian) of the arrays.

    Two sources with one digest have equal weights to the bit, whatever their formats.

    Args:
        source: the source; its arrays are read one at a time.
        names: its names in sorted order, for example wrapped in a progress bar; None for all.
    """
    digest = hashlib.sha256()
    for name in sorted(source.tensors) if names is None else names:
        array = source.tensors[name]
        digest.update(f"{name} {list(array.shape)}\n".encode())
        digest.update(array.astype("<f4", order="C", copy=False).tobytes())
    return digest.hexdigest()

"""The model out as a TF1 checkpoint with the reference's names and shapes."""

import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from clinicalbert_tf.checkpoints.checkpoint_files import INDEX
from clinicalbert_tf.checkpoints.names import model_variables

_DATA = ".data-00000-of-00001"
_UNFINISHED = ".unfinished-"
# TensorFlow's file systems make its own errors of the system's; only these say which it was.
_ERRNO = {
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
    tf.errors.OutOfRangeError: errno.EFBIG,
    tf.errors.PermissionDeniedError: errno.EACCES,
    tf.errors.NotFoundError: errno.ENOENT,
}


def write_tf1_checkpoint(
    model, prefix: str | os.PathLike, extra: Mapping[str, np.ndarray] | None = None
) -> str:
    """Writes a checkpoint that TF1, the reference and restore_checkpoint read.

    The files are made in a folder of their own (0700) and moved when they are on disk, the data
    first and the index last: killed at any moment, a prefix has an index only if its checkpoint
    is whole. Files are made 0600.

    Args:
        model: what a builder of clinicalbert_tf.modeling returned.
        prefix: where to, for example `runs/a/model.ckpt-20`; a checkpoint there is replaced.
        extra: further arrays by TF1 name: "<name>/adam_m", "<name>/adam_v", "global_step".

    Returns:
        The prefix.

    Raises:
        ValueError: `extra` names a variable of the model.
        OSError: the files cannot be written (no space, no permission).
    """
    prefix = os.fspath(prefix)
    tensors = _named_tensors(model, extra or {})
    directory, name = os.path.split(os.path.abspath(prefix))
    os.makedirs(directory, mode=0o700, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=f".{name}{_UNFINISHED}", dir=directory)
    try:
        _save(os.path.join(temporary, name), tensors)
        _move(os.path.join(temporary, name), os.path.join(directory, name))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return prefix


def remove_unfinished(directory: str | os.PathLike) -> int:
    """Removes what killed writers left in a directory of checkpoints; call it when none writes.

    Returns:
        How many were removed.
    """
    left = glob.glob(os.path.join(glob.escape(os.fspath(directory)), f".*{_UNFINISHED}*"))
    for path in left:
        shutil.rmtree(path)
    return len(left)


def _named_tensors(model, extra: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    tensors = {
        mapping.tf1_name: mapping.to_tf1(keras.ops.convert_to_numpy(mapping.variable))
        for mapping in model_variables(model)
    }
    both = sorted(set(tensors) & set(extra))
    if both:
        raise ValueError(
            f"Expected extra arrays under names of their own, received {', '.join(both)}, which "
            "the model writes. Rename them, for example with /adam_m at the end."
        )
    return {**tensors, **extra}


def _save(prefix: str, tensors: Mapping[str, np.ndarray]) -> None:
    names = sorted(tensors)
    try:
        with tf.device("/CPU:0"):
            tf.raw_ops.SaveV2(
                prefix=prefix,
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                tensors=[tf.convert_to_tensor(tensors[name]) for name in names],
            )
    except tf.errors.OpError as error:
        number = _ERRNO.get(type(error))
        failure = OSError(
            f"Expected to write a checkpoint of {len(names)} variables into "
            f"{os.path.dirname(os.path.dirname(prefix))}, received: "
            f"{os.strerror(number) if number else error.message}. Free space there or choose "
            "another directory; earlier checkpoints are untouched."
        )
        failure.errno = number or errno.EIO
        raise failure from None


def _move(source: str, target: str) -> None:
    for suffix in (_DATA, INDEX):
        os.chmod(source + suffix, 0o600)
        _sync(source + suffix)
    # An old index must never stand over new data, so the old checkpoint goes first.
    if os.path.exists(target + INDEX):
        os.remove(target + INDEX)
        _sync(os.path.dirname(target))
    os.replace(source + _DATA, target + _DATA)
    os.replace(source + INDEX, target + INDEX)
    _sync(os.path.dirname(target))


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

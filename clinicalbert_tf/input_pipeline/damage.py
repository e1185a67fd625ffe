"""After a failure while reading: which file it was, and where."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf
from absl import logging

from clinicalbert_tf.input_pipeline.features import parse_records
from clinicalbert_tf.input_pipeline.source import Source
from tfrecords_builder.tfrecord_files import CorruptRecordsError

# What TensorFlow raises for a damaged record and for one that does not parse.
READ_ERRORS = (tf.errors.DataLossError, tf.errors.InvalidArgumentError)
_BLOCK = 1024


def find_damage(source) -> CorruptRecordsError | None:
    """Reads every file until one fails; says so first, as that takes its time.

    tf.data's own message names neither the file nor, reading several at once, the record.

    Args:
        source: a RecordSource.

    Returns:
        An error that names the file and the record, or None if all files are sound.
    """
    # One that is gone by now is named when it is read.
    size = sum(os.path.getsize(path) for path in source.paths if os.path.exists(path))
    logging.warning(
        "Reading failed. Looking for a damaged record in %d files (%.1f MB), the first being %s.",
        *(len(source.paths), size / 1e6, source.paths[0]),
    )
    for path, gzipped, count in zip(source.paths, source.gzipped, source.counts, strict=True):
        records = tf.data.TFRecordDataset(path, compression_type="GZIP" if gzipped else "")
        # Whole blocks for speed, then the block that failed one by one for the place.
        read, error = _read(records, source, 0, _BLOCK)
        if error is not None:
            read, error = _read(records, source, read, 1)
        if error is not None:
            return CorruptRecordsError(
                f"{path}: expected whole, unchanged records of {source.max_seq_length} tokens, "
                f"found record {read} (from 0, of {count}) damaged ({error.__class__.__name__}). "
                "Copy the file again or rebuild it.",
                path,
            )
        if read != count:
            return CorruptRecordsError(
                f"{path}: expected {count} records, found {read}. Copy it again or rebuild it.",
                path,
            )
    return None


def _read(records, source, first: int, block: int) -> tuple[int, Exception | None]:
    """(records read before the end or the first failing block, the failure)."""
    read = first
    try:
        for serialized in records.skip(first).batch(block):
            parse_records(serialized, source.max_seq_length, source.predictions_in_records)
            read += int(serialized.shape[0])
    except READ_ERRORS as error:
        return read, error
    return read, None


@contextlib.contextmanager
def damage_named(source: Source) -> Iterator[None]:
    """Context manager: turns TensorFlow's read errors into one that names the damaged file.

    Raises:
        CorruptRecordsError: a file is damaged.
    """
    try:
        yield
    except READ_ERRORS:
        damage = source.find_damage()
        if damage is not None:
            raise damage from None
        raise

"""After a failure while reading: which file it was, and where."""

import tensorflow as tf

from clinicalbert_tf.input_pipeline.features import parse_records
from clinicalbert_tf.input_pipeline.shards import RecordSource
from clinicalbert_tf.input_pipeline.tfrecord_files import CorruptRecordsError

# What TensorFlow raises for a damaged record and for one that does not parse.
READ_ERRORS = (tf.errors.DataLossError, tf.errors.InvalidArgumentError)
_BLOCK = 1024


def find_damage(source: RecordSource) -> CorruptRecordsError | None:
    """Reads every file until one fails.

    tf.data's own message names neither the file nor, reading several at once, the record.

    Returns:
        An error that names the file and the record, or None where all files are sound.
    """
    for path, gzipped, count in zip(source.paths, source.gzipped, source.counts, strict=True):
        read = 0
        records = tf.data.TFRecordDataset(path, compression_type="GZIP" if gzipped else "")
        try:
            for block in records.batch(_BLOCK):
                parse_records(block, source.max_seq_length, source.max_predictions_per_seq)
                read += int(block.shape[0])
        except READ_ERRORS as error:
            kind = error.__class__.__name__
            return CorruptRecordsError(
                f"{path}: expected whole, unchanged records of {source.max_seq_length} tokens, "
                f"found a damaged one between record {read} and {read + _BLOCK} ({kind}). "
                "Copy the file again or rebuild it."
            )
        if read != count:
            return CorruptRecordsError(
                f"{path}: expected {count} records, found {read}. Copy it again or rebuild it."
            )
    return None

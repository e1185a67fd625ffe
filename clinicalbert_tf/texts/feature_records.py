"""Features as TFRecord files, as the reference's file_based_convert_examples_to_features writes.

Padded to max_seq_length; `label_ids` is one id, several 0 or 1 (multi-label) or a float.
"""

import struct
from collections.abc import Iterable

from clinicalbert_tf.texts.pair_features import TextFeatures
from tfrecords_builder.files import open_private
from tfrecords_builder.tfrecord_files import masked_crc32c

RecordLabel = int | float | list[int]


def write_feature_records(
    path: str, rows: Iterable[tuple[TextFeatures, RecordLabel]], max_seq_length: int
) -> int:
    """Writes a file of records (mode 0600, in one rename).

    Args:
        path: the file; its folder must be there.
        rows: features and label of each example.
        max_seq_length: what sequences are padded to.

    Returns:
        The number of records.
    """
    count = 0
    with open_private(path) as file:
        for features, label in rows:
            record = _example(features, label, max_seq_length).SerializeToString()
            length = struct.pack("<Q", len(record))
            file.write(length + _checksum(length) + record + _checksum(record))
            count += 1
    return count


def _example(features: TextFeatures, label: RecordLabel, max_seq_length: int):
    import tensorflow as tf  # for its protocol buffers; nothing else here needs it

    padding = [0] * (max_seq_length - len(features))
    columns = {
        "input_ids": features.token_ids.tolist() + padding,
        "input_mask": [1] * len(features) + padding,
        "segment_ids": features.segment_ids.tolist() + padding,
        "label_ids": label if isinstance(label, list) else [label],
        "is_real_example": [1],
    }
    example = tf.train.Example()
    for name, values in columns.items():
        feature = example.features.feature[name]
        # Only a regression's label is a float.
        is_whole = all(isinstance(value, int) for value in values)
        (feature.int64_list if is_whole else feature.float_list).value.extend(values)
    return example


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", masked_crc32c(data))

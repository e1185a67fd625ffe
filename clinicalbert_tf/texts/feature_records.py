"""Features as TFRecord files, as the reference's file_based_convert_examples_to_features writes.

Padded to max_seq_length; `label_ids` is one id, several 0 or 1 (multi-label) or a float. Encoded
here, as importing TensorFlow for its protocol buffers takes longer than writing the records.
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
            record = _example(features, label, max_seq_length)
            length = struct.pack("<Q", len(record))
            file.write(length + _checksum(length) + record + _checksum(record))
            count += 1
    return count


def _example(features: TextFeatures, label: RecordLabel, max_seq_length: int) -> bytes:
    padding = [0] * (max_seq_length - len(features))
    columns = {
        "input_ids": features.token_ids.tolist() + padding,
        "input_mask": [1] * len(features) + padding,
        "segment_ids": features.segment_ids.tolist() + padding,
        "label_ids": label if isinstance(label, list) else [label],
        "is_real_example": [1],
    }
    entries = (
        _field(1, _field(1, name.encode()) + _field(2, _feature(values)))
        for name, values in sorted(columns.items())
    )
    return _field(1, b"".join(entries))


def _feature(values: list[int] | list[float]) -> bytes:
    # tf.train.Feature: float_list is field 2, int64_list field 3. Only a regression's label is a
    # float.
    if all(isinstance(value, int) for value in values):
        return _field(3, _field(1, b"".join(map(_varint, values))))
    return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))


def _field(number: int, content: bytes) -> bytes:
    """A protocol buffer's field of bytes, a string or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    value &= (1 << 64) - 1
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", masked_crc32c(data))

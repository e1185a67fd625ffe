"""Instances to TFRecord files and back, a block of records at a time.

A file gets its name only when it is complete, so that a killed run leaves no half shard behind.
Records hold text of notes in all but name: files are made for their owner only.

Source: the reference's write_instance_to_example_files.
"""

import contextlib
import gzip
from collections.abc import Iterator

import numpy as np

from tfrecords_builder import files, schema, tfrecord_files
from tfrecords_builder.building.storage import wire
from tfrecords_builder.tfrecord_files import FOOTER_BYTES, HEADER_BYTES

# Encoded at a time: ten times their bytes are in use.
_ENCODED_RECORDS = 1024
# Level 1 takes a third of level 6's time for files a tenth larger.
_GZIP_LEVEL = 1


def record_features(
    max_seq_length: int, max_predictions_per_seq: int, vocab_size: int, masked: bool = True
) -> tuple[wire.Feature, ...]:
    """The features of a pretraining record in the reference's order.

    Args:
        max_seq_length: values of the sequence features.
        max_predictions_per_seq: values of the prediction features.
        vocab_size: bound of the ids.
        masked: False leaves the prediction features out (masked later, in the input pipeline).
    """
    bounds = {
        "input_ids": vocab_size - 1,
        "masked_lm_ids": vocab_size - 1,
        "masked_lm_positions": max_seq_length - 1,
    }
    features = []
    for name in schema.RECORD_FEATURES:
        if name in schema.PREDICTION_FEATURES and not masked:
            continue
        width = (
            max_seq_length
            if name in schema.SEQUENCE_FEATURES
            else max_predictions_per_seq
            if name in schema.PREDICTION_FEATURES
            else 1
        )
        bound = None if name in schema.FLOAT_FEATURES else bounds.get(name, 1)
        features.append(wire.Feature(name, width, bound))
    return tuple(features)


class RecordWriter:
    """Writes one TFRecord file, as a context manager: `with RecordWriter(...) as writer`.

    The file has its name only after the block ended well; an error inside leaves no file.

    Args:
        path: the final name; a file there is replaced.
        features: what a record holds, see `record_features`.
        compression: "none" or "gzip".

    Attributes:
        count: records written so far.
    """

    def __init__(self, path: str, features: tuple[wire.Feature, ...], compression: str = "none"):
        self.path = path
        self.count = 0
        self._compression = compression
        self._encoder = wire.ExampleEncoder(features, (HEADER_BYTES, FOOTER_BYTES))
        self._length_crcs: dict[int, int] = {}
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> "RecordWriter":
        file = self._exit.enter_context(files.open_private(self.path))
        if self._compression == "gzip":
            # No name and no time in the header: the same records give the same bytes.
            file = gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
            self._exit.enter_context(file)
        self._stream = file
        return self

    def __exit__(self, *error) -> None:
        self._exit.__exit__(*error)

    def write(self, arrays: dict[str, np.ndarray]) -> None:
        """Writes a block of records, given by feature name as [records, width]."""
        count = len(next(iter(arrays.values())))
        for start in range(0, count, _ENCODED_RECORDS):
            part = {
                name: values[start : start + _ENCODED_RECORDS] for name, values in arrays.items()
            }
            data, lengths = self._encoder.encode(part)
            self._frame(data, lengths)
            self._stream.write(data)
            self.count += len(lengths)

    def _frame(self, data: np.ndarray, lengths: np.ndarray) -> None:
        """Fills length and checksums into the bytes reserved around each record."""
        ends = np.cumsum(lengths)
        starts = ends - lengths
        sizes = lengths - HEADER_BYTES - FOOTER_BYTES
        for size in np.unique(sizes).tolist():
            if size not in self._length_crcs:
                self._length_crcs[size] = tfrecord_files.masked_crc32c(size.to_bytes(8, "little"))
        header = np.empty((len(sizes), HEADER_BYTES), np.uint8)
        header[:, :8] = sizes.astype("<u8")[:, None].view(np.uint8)
        length_crcs = np.array([self._length_crcs[size] for size in sizes.tolist()], "<u4")
        header[:, 8:] = length_crcs[:, None].view(np.uint8)
        data[starts[:, None] + np.arange(HEADER_BYTES)] = header
        content = data.tobytes()
        bounds = zip((starts + HEADER_BYTES).tolist(), (ends - FOOTER_BYTES).tolist(), strict=True)
        crcs = tfrecord_files.masked_crc32c_of_pieces(content, bounds)
        data[ends[:, None] + np.arange(-FOOTER_BYTES, 0)] = crcs[:, None].view(np.uint8)


def read_examples(path: str) -> Iterator[dict[str, np.ndarray]]:
    """Yields the records of a TFRecord file by feature name; see `tfrecord_files.read_records`."""
    for data in tfrecord_files.read_records(path):
        yield wire.decode_example(data)

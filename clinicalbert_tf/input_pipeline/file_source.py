"""Examples whose token sequences lie in a file: what long documents are trained on."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.input_pipeline.array_source import (
    PADDING_MASK,
    TOKEN_IDS,
    ArraySource,
)
from clinicalbert_tf.input_pipeline.order import unconverted
from clinicalbert_tf.input_pipeline.sequence_file import SequenceFile
from clinicalbert_tf.input_pipeline.source import Parser

SEGMENT_IDS = "segment_ids"


class FileSource(ArraySource):
    """ArraySource with token ids in a SequenceFile and segment ids of 0: flat memory.

    Features, order and predictions are those of an ArraySource over the same sequences.

    Args:
        token_ids: the sequences.
        values: per name, an array [examples, ...].
        max_seq_length, files: see ArraySource.

    Raises:
        ValueError: see ArraySource.
    """

    calls_python = True

    def __init__(
        self,
        token_ids: SequenceFile,
        values: Mapping[str, np.ndarray],
        max_seq_length: int,
        files: Sequence[str] = (),
    ):
        self._token_ids = token_ids
        super().__init__({TOKEN_IDS: token_ids}, values, max_seq_length, files)

    def _keep(self, sequences) -> None:
        self._flat = {}
        self._sequence_names = (TOKEN_IDS, SEGMENT_IDS)

    def parser(self, stream: str) -> Parser:
        """A function from indices to features; reads the file."""
        values = {name: tf.constant(array) for name, array in self._values.items()}

        def read(indices: np.ndarray) -> np.ndarray:
            return self._token_ids.padded(indices, self.max_seq_length)

        @unconverted
        def parse(indices, position):
            own = tf.gather(tf.constant(self._lengths), indices)
            ids = tf.numpy_function(read, [indices], tf.int32)
            ids = tf.ensure_shape(ids, [None, self.max_seq_length])
            columns = tf.range(self.max_seq_length, dtype=tf.int32)
            mask = tf.cast(columns[tf.newaxis] < own[:, tf.newaxis], tf.int32)
            features = {TOKEN_IDS: ids, SEGMENT_IDS: tf.zeros_like(ids), PADDING_MASK: mask}
            return features | {name: tf.gather(array, indices) for name, array in values.items()}

        return parse

    def _digest(self) -> str:
        digest = hashlib.sha256(self._lengths.tobytes())
        self._token_ids.update(digest)
        self._add_values(digest)
        return digest.hexdigest()

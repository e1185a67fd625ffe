"""Examples of an ArraySource with further arrays: what another model made of them."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.input_pipeline.order import unconverted
from clinicalbert_tf.input_pipeline.source import Parser


class ExtendedSource:
    """A source whose batches hold further features.

    Args:
        source: the examples.
        arrays: per name, a float array [examples, ...].
        per_position: the names whose second axis is the tokens', padded to max_seq_length.

    Attributes:
        num_examples, max_seq_length, length_names, calls_python: those of the examples.
        fingerprint: of the examples and the arrays.

    Raises:
        ValueError: an array has another number of examples or of positions.
    """

    def __init__(
        self,
        source: ArraySource,
        arrays: Mapping[str, np.ndarray],
        per_position: Collection[str] = (),
    ):
        self.num_examples = source.num_examples
        self.max_seq_length = source.max_seq_length
        self.length_names = source.length_names
        self.calls_python = source.calls_python
        self._source = source
        self._arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        self._per_position = tuple(per_position)
        for name, array in self._arrays.items():
            wanted = (self.num_examples,)
            if name in self._per_position:
                wanted = (self.num_examples, self.max_seq_length)
            if array.shape[: len(wanted)] != wanted:
                raise ValueError(
                    f"Expected {name} of shape {wanted} and more, received {array.shape}."
                )
        digest = hashlib.sha256(source.fingerprint.encode())
        for name in sorted(self._arrays):
            digest.update(name.encode())
            digest.update(self._arrays[name].tobytes())
        self.fingerprint = digest.hexdigest()

    def rows(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """Those of the examples."""
        return self._source.rows(seed)

    def evaluation_rows(self) -> tf.data.Dataset:
        """Those of the examples."""
        return self._source.evaluation_rows()

    def evaluation_order(self) -> np.ndarray:
        """That of the examples."""
        return self._source.evaluation_order()

    def parser(self, stream: str) -> Parser:
        """The examples' features, and the arrays by name."""
        parse = self._source.parser(stream)
        arrays = {name: tf.constant(array) for name, array in self._arrays.items()}

        @unconverted
        def parse_all(indices, position):
            features = parse(indices, position)
            return features | {name: tf.gather(a, indices) for name, a in arrays.items()}

        return parse_all

    def lengths(self, rows: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Those of the examples."""
        return self._source.lengths(rows)

    def trim(self, features, lengths, multiple: int) -> dict[str, tf.Tensor]:
        """Cuts the examples' sequences, and what there is per position."""
        cut = self._source.trim(features, lengths, multiple)
        length = tf.shape(cut["token_ids"])[1]
        return cut | {name: features[name][:, :length] for name in self._per_position}

    def describe(self) -> dict[str, Any]:
        """What run.json says of the examples."""
        return self._source.describe() | {"fingerprint": self.fingerprint}

    def find_damage(self) -> None:
        """Arrays in memory are never damaged."""
        return None

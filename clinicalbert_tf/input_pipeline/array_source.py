"""Examples that are held in memory as arrays: what a fine-tuning task trains on."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from clinicalbert_tf.input_pipeline.order import GENERATOR, unconverted
from clinicalbert_tf.input_pipeline.sequence_file import SequenceFile
from clinicalbert_tf.input_pipeline.source import Parser, rounded_up

TOKEN_IDS = "token_ids"
PADDING_MASK = "padding_mask"


class ArraySource:
    """Examples as arrays: one of tokens' length each for `sequences`, one value each for `values`.

    Features of a batch are [batch, length] for sequences, padded with 0, and [batch, ...] for
    values; "padding_mask" (1 for tokens) is made here. Evaluations read the longest examples
    first, so that batches hold examples of like lengths; predictions come back in the order of
    the arrays (training.evaluation).

    Args:
        sequences: per name, an integer or float array [length] for every example. Must hold
            "token_ids"; all sequences of an example have its length.
        values: per name, an array [examples, ...].
        max_seq_length: tokens that batches are padded to without length buckets.
        files: where the examples come from, for run.json.

    Attributes:
        num_examples, max_seq_length, fingerprint, length_names, calls_python: as Source has them.

    Raises:
        ValueError: there is no example, arrays differ in length, or an example is longer than
            max_seq_length.
    """

    length_names = ("tokens",)
    calls_python = False

    def __init__(
        self,
        sequences: Mapping[str, Sequence[np.ndarray]],
        values: Mapping[str, np.ndarray],
        max_seq_length: int,
        files: Sequence[str] = (),
    ):
        self.num_examples = len(sequences[TOKEN_IDS])
        self.max_seq_length = max_seq_length
        self.files = tuple(files)
        self._lengths = _lengths(sequences[TOKEN_IDS])
        _check(sequences, values, self._lengths, max_seq_length)
        self._keep(sequences)
        self._values = {name: _narrow(np.asarray(array)) for name, array in values.items()}
        self.fingerprint = self._digest()

    def _keep(self, sequences: Mapping[str, Sequence[np.ndarray]]) -> None:
        ends = np.cumsum(self._lengths, dtype=np.int64)
        self._starts = ends - self._lengths
        self._flat = {name: _flat(arrays) for name, arrays in sequences.items()}
        self._sequence_names = tuple(self._flat)

    @property
    def token_counts(self) -> np.ndarray:
        """Tokens of each example, int32 [examples]."""
        return self._lengths

    def rows(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """Indices of the examples, int64; shuffled over the whole epoch if there is a seed."""
        if seed is None:
            return tf.data.Dataset.range(self.num_examples)
        indices = tf.range(tf.constant(self.num_examples, tf.int64))
        shuffled = tf.random.experimental.stateless_shuffle(indices, seed=seed, alg=GENERATOR)
        return tf.data.Dataset.from_tensor_slices(shuffled)

    def evaluation_rows(self) -> tf.data.Dataset:
        """Indices, those of the longest examples first."""
        return tf.data.Dataset.from_tensor_slices(self.evaluation_order())

    def evaluation_order(self) -> np.ndarray:
        """Indices by falling length, int64 [examples]; examples of one length stay in order."""
        return np.argsort(-self._lengths, kind="stable")

    def parser(self, stream: str) -> Parser:
        """A function from indices to features."""
        starts, lengths = tf.constant(self._starts), tf.constant(self._lengths)
        flat = {name: tf.constant(array) for name, array in self._flat.items()}
        values = {name: tf.constant(array) for name, array in self._values.items()}
        columns = tf.range(self.max_seq_length, dtype=tf.int32)

        @unconverted
        def parse(indices, position):
            own = tf.gather(lengths, indices)
            is_token = columns[tf.newaxis] < own[:, tf.newaxis]
            places = tf.gather(starts, indices)[:, tf.newaxis] + tf.cast(columns, tf.int64)
            # Behind an example's end stands the next one, or nothing: any place will do there.
            places = tf.where(is_token, places, 0)
            features = {
                name: tf.where(is_token, tf.gather(array, places), tf.zeros([], array.dtype))
                for name, array in flat.items()
            }
            features[PADDING_MASK] = tf.cast(is_token, tf.int32)
            return features | {name: tf.gather(array, indices) for name, array in values.items()}

        return parse

    def lengths(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tokens of the examples, int32 [rows]."""
        return {"tokens": tf.gather(tf.constant(self._lengths), rows)}

    def trim(
        self, features: dict[str, tf.Tensor], lengths: Mapping[str, tf.Tensor], multiple: int
    ) -> dict[str, tf.Tensor]:
        """Cuts sequences to the batch's longest example, rounded up."""
        length = rounded_up(tf.reduce_max(lengths["tokens"]), multiple)
        names = (*self._sequence_names, PADDING_MASK)
        return features | {name: features[name][:, :length] for name in names}

    def describe(self) -> dict[str, Any]:
        """What run.json says of the examples."""
        return {
            "files": list(self.files),
            "num_records": self.num_examples,
            "max_seq_length": self.max_seq_length,
            "fingerprint": self.fingerprint,
        }

    def find_damage(self) -> None:
        """Arrays in memory are never damaged."""
        return None

    def _digest(self) -> str:
        digest = hashlib.sha256(self._lengths.tobytes())
        _update(digest, self._flat)
        self._add_values(digest)
        return digest.hexdigest()

    def _add_values(self, digest) -> None:
        _update(digest, self._values)


def _update(digest, arrays: Mapping[str, np.ndarray]) -> None:
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())


def _lengths(sequences: Sequence[np.ndarray] | SequenceFile) -> np.ndarray:
    if isinstance(sequences, SequenceFile):
        return sequences.lengths
    return np.array([len(ids) for ids in sequences], np.int32)


def _flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return _narrow(np.concatenate([np.asarray(array) for array in arrays]))


def _narrow(array: np.ndarray) -> np.ndarray:
    """int32 or float32: accelerators have no 64-bit gathers to waste."""
    return array.astype(np.float32 if np.issubdtype(array.dtype, np.floating) else np.int32)


def _check(sequences, values, lengths: np.ndarray, max_seq_length: int) -> None:
    count = len(lengths)
    if not count:
        raise ValueError("Expected at least one example, received none. Name files with examples.")
    for name, arrays in sequences.items():
        if not np.array_equal(_lengths(arrays), lengths):
            raise ValueError(
                f"Expected {name} to have the lengths of {TOKEN_IDS} for all {count} examples, "
                "received others. Give one value per token."
            )
    for name, array in values.items():
        if len(array) != count:
            raise ValueError(
                f"Expected {count} values of {name}, one per example, received {len(array)}."
            )
    if lengths.max() > max_seq_length:
        raise ValueError(
            f"Expected at most {max_seq_length} tokens per example (--max_seq_length), received "
            f"{lengths.max()} in example {int(lengths.argmax())} (from 0). Cut examples into "
            "windows, or give a larger --max_seq_length."
        )

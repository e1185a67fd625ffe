"""What the pipeline needs to know of the examples that it batches."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

# The feature that says at which place of the evaluation order an example stands.
EXAMPLE_PLACE = "example_place"
# (rows of a batch, place of the first one over all epochs) -> the features of these rows.
Parser = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


class Source(Protocol):
    """Examples to train on or to evaluate: files of records, or arrays in memory.

    A row is what one example is read as: a serialized record, or its index.

    Attributes:
        num_examples: examples of one epoch.
        max_seq_length: tokens per example, padding included.
        fingerprint: identifies the content, wherever it lies.
        length_names: the names of `lengths`.
        calls_python: whether the parser runs Python, which takes one batch at a time.
    """

    num_examples: int
    max_seq_length: int
    fingerprint: str
    length_names: tuple[str, ...]
    calls_python: bool

    def rows(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """One epoch's rows, one per element.

        Args:
            seed: int64 [2] of the epoch's order; None for the source's own order.
        """

    def evaluation_rows(self) -> tf.data.Dataset:
        """Every row once, in the order in which evaluations read them."""

    def evaluation_order(self) -> np.ndarray | None:
        """The example at each place of `evaluation_rows`; None for the source's own order."""

    def parser(self, stream: str) -> Parser:
        """A function from rows to features under Keras' names.

        Args:
            stream: names the stream of random numbers, for sources that draw any.
        """

    def lengths(self, rows: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """What length buckets go by: int32 [rows] by name; "tokens" is one of them."""

    def trim(
        self, features: dict[str, tf.Tensor], lengths: Mapping[str, tf.Tensor], multiple: int
    ) -> dict[str, tf.Tensor]:
        """Cuts padding off that no example of the global batch needs.

        Args:
            features: of any rows of the batch.
            lengths: `lengths` of the whole global batch.
            multiple: tokens that the length is rounded up to a multiple of.
        """

    def describe(self) -> dict[str, Any]:
        """What run.json says: files, num_records, max_seq_length and fingerprint at least."""

    def find_damage(self) -> Exception | None:
        """After a failure while reading: an error that names what is damaged, or None."""


def rounded_up(number: tf.Tensor, multiple: int) -> tf.Tensor:
    """The least multiple that is not below a number."""
    return -(-number // multiple) * multiple

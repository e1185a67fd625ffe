"""What the step and the loop need to know of a loss."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf

# Sums that the engine adds to those of every objective.
ENGINE_SUMS = ("examples", "tokens", "positions")


class Objective(Protocol):
    """A loss over the global batch, and the sums that its metrics are made of.

    Attributes:
        model_inputs: the features that the model takes.
        sum_names: what `loss_and_sums` sums up, in order. The engine adds "examples", "tokens"
            (those of the examples) and "positions" (what the model computes for them, padding
            included) itself.
    """

    model_inputs: tuple[str, ...]
    sum_names: tuple[str, ...]

    def normalizers(self, batch) -> tf.Tensor:
        """What the losses are divided by: float32 [n], of one replica's features.

        The engine adds them up over the accumulation steps and replicas of a step, so that a loss
        is that of the global batch. "example_weights" [batch] may be absent (all 1).
        """

    def loss_and_sums(self, outputs, batch, normalizers) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's part of the loss (float32 scalar) and of the sums (float32 [sum_names]).

        Args:
            outputs: what the model returned.
            batch: the replica's features.
            normalizers: `normalizers` of the whole step. A sum of 0 must give a loss of 0.
        """

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """What an evaluation keeps of every example, [batch, ...] by name; {} for nothing."""

    def metrics(self, totals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Metrics from sums over a step or a whole evaluation; must hold "loss".

        Args:
            totals: float64 arrays of one shape by name: sum_names and the engine's own.
        """

    def trains(self, tf1_name: str) -> bool:
        """Whether a variable is trained; others stay as they are, decay included."""


def batch_sums(batch) -> tf.Tensor:
    """ENGINE_SUMS of one replica's features: float32 [3].

    Args:
        batch: "padding_mask" [batch, length]; "example_weights" [batch] may be absent (all 1).
    """
    padding_mask = batch["padding_mask"]
    weights = example_weights(batch)
    tokens = tf.reduce_sum(tf.cast(padding_mask, tf.float32), axis=-1)
    examples = tf.reduce_sum(weights)
    positions = examples * tf.cast(tf.shape(padding_mask)[-1], tf.float32)
    return tf.stack([examples, tf.reduce_sum(tokens * weights), positions])


def example_weights(batch) -> tf.Tensor:
    """float32 [batch]: 0 for fillers, 1 for examples."""
    if "example_weights" in batch:
        return batch["example_weights"]
    return tf.ones(tf.shape(batch["padding_mask"])[:1], tf.float32)

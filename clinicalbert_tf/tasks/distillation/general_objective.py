"""The loss of general distillation: pretraining's own, and the distances to the teacher."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from clinicalbert_tf.tasks.distillation.soft_losses import soft_cross_entropy
from clinicalbert_tf.training.objective import example_weights

_SUMS = ("soft_loss", "soft_targets", "hidden_distance", "attention_distance", "compared")


class GeneralDistillationObjective:
    """Masked words of text and teacher, hidden states and attention.

    Args:
        objective: of pretraining.
        temperature: divides the logits of masked words.
        soft_weight: share of the teacher's words in the loss; the texts' words have the rest.
        hidden_weight, attention_weight: weights of the two distances; 0 leaves one out.

    Attributes:
        model_inputs, sum_names: as Objective has them.

    Source: DistilBERT (Sanh et al. 2019), TinyBERT (Jiao et al. 2020).
    """

    def __init__(
        self,
        objective,
        temperature: float,
        soft_weight: float,
        hidden_weight: float,
        attention_weight: float,
    ):
        self.own = objective
        self.temperature = temperature
        self.weights = (soft_weight, hidden_weight, attention_weight)
        self.model_inputs = objective.model_inputs
        self.sum_names = (*objective.sum_names, *_SUMS)

    def trains(self, tf1_name: str) -> bool:
        """As pretraining says; the projections too."""
        return self.own.trains(tf1_name)

    def normalizers(self, batch) -> tf.Tensor:
        """Those of pretraining, then masked words and examples."""
        examples = tf.reduce_sum(example_weights(batch))
        words = tf.reduce_sum(_word_weights(batch))
        return tf.concat([self.own.normalizers(batch), [words, examples]], axis=0)

    def loss_and_sums(self, outputs, batch, normalizers) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's part of the loss and of the sums; see training.objective.Objective."""
        own_loss, own_sums = self.own.loss_and_sums(outputs, batch, normalizers[:-2])
        words, examples = normalizers[-2], normalizers[-1]
        losses = soft_cross_entropy(
            outputs["mlm_logits"], outputs["teacher_mlm_logits"], self.temperature
        )
        soft = tf.reduce_sum(losses * _word_weights(batch))
        weights = example_weights(batch)
        hidden = tf.reduce_sum(outputs["hidden_distance"] * weights)
        attention = tf.reduce_sum(outputs["attention_distance"] * weights)
        soft_weight, hidden_weight, attention_weight = self.weights
        loss = (1.0 - soft_weight) * own_loss + tf.math.divide_no_nan(soft_weight * soft, words)
        distances = hidden_weight * hidden + attention_weight * attention
        loss += tf.math.divide_no_nan(distances, examples)
        counts = [soft, tf.reduce_sum(_word_weights(batch)), hidden, attention]
        return loss, tf.concat([own_sums, [*counts, tf.reduce_sum(weights)]], axis=0)

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """None."""
        return {}

    def metrics(self, totals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Pretraining's metrics, the distances, and "loss" of all.

        Args:
            totals: float64 arrays [...] by name.
        """
        metrics = self.own.metrics(totals)
        soft = totals["soft_loss"] / np.maximum(totals["soft_targets"], 1e-5)
        hidden = totals["hidden_distance"] / totals["compared"]
        attention = totals["attention_distance"] / totals["compared"]
        soft_weight, hidden_weight, attention_weight = self.weights
        loss = (1.0 - soft_weight) * metrics["loss"] + soft_weight * soft
        loss = loss + hidden_weight * hidden + attention_weight * attention
        return metrics | {
            "loss": loss,
            "soft_loss": soft,
            "hidden_distance": hidden,
            "attention_distance": attention,
        }


def _word_weights(batch) -> tf.Tensor:
    return batch["masked_lm_weights"] * example_weights(batch)[:, tf.newaxis]

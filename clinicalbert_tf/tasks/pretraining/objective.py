"""The pretraining objective: masked words, and next sentences, over the global batch."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from clinicalbert_tf.modeling.compilation import compiled
from clinicalbert_tf.tasks.pretraining.settings import OBJECTIVES
from clinicalbert_tf.training.objective import example_weights

# Keeps a batch without any prediction finite; the reference's constant.
DENOMINATOR_EPSILON = 1e-5
# By TF1 name: what only the next sentence is predicted from.
_NEXT_SENTENCE_VARIABLES = ("bert/pooler/", "cls/seq_relationship/")


class PretrainingObjective:
    """Masked language model loss, by default plus next sentence loss.

    Every sum is taken over a replica's part of the batch and added up over the replicas by the
    caller, so that the loss is that of the global batch however the masks fall on the replicas.

    Args:
        kind: "mlm_nsp", or "mlm" for masked words alone: no loss, sum or metric of the next
            sentence, and zero gradients for what `trains` leaves out.

    Attributes:
        model_inputs: the features that the model takes.
        sum_names: what `loss_and_sums` sums up, in order.

    Raises:
        ValueError: another kind.

    Source: BERT (Devlin et al. 2018), run_pretraining.py: get_masked_lm_output,
    get_next_sentence_output, metric_fn.
    """

    model_inputs = ("token_ids", "segment_ids", "padding_mask", "mask_positions")

    def __init__(self, kind: str = "mlm_nsp"):
        if kind not in OBJECTIVES:
            raise ValueError(
                f"Expected the objective to be one of {', '.join(OBJECTIVES)}, received {kind!r}. "
                "Give one of them as --objective."
            )
        self.next_sentence = kind == "mlm_nsp"
        of_next_sentence = ("next_sentence_loss", "next_sentence_correct")
        self.sum_names = (
            "masked_lm_loss",
            "masked_lm_correct",
            "masked_lm_weight",
            *(of_next_sentence if self.next_sentence else ()),
        )

    def trains(self, tf1_name: str) -> bool:
        """Whether the loss depends on a variable; others must stay as they are, decay included."""
        return self.next_sentence or not tf1_name.startswith(_NEXT_SENTENCE_VARIABLES)

    def normalizers(self, batch) -> tf.Tensor:
        """What the losses are divided by: [sum of prediction weights, examples], float32 [2].

        Args:
            batch: a replica's features; "example_weights" [batch] may be absent (all 1).
        """
        weights = example_weights(batch)
        predictions = batch["masked_lm_weights"] * weights[:, tf.newaxis]
        return tf.stack([tf.reduce_sum(predictions), tf.reduce_sum(weights)])

    def loss_and_sums(self, outputs, batch, normalizers) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's part of the loss and of the sums that metrics are made of.

        Args:
            outputs: {"mlm_logits": [batch, predictions, vocabulary], "nsp_logits": [batch, 2]}.
            batch: the replica's features.
            normalizers: `normalizers` summed over all replicas.

        Returns:
            This replica's part of the loss (float32 scalar; all replicas' parts add up to the loss
            of the global batch) and the sums (float32, one for each of `sum_names`).
        """
        weights = example_weights(batch)
        predictions = batch["masked_lm_weights"] * weights[:, tf.newaxis]
        masked_lm_loss, masked_lm_correct = _loss_and_correct(
            outputs["mlm_logits"], batch["masked_lm_ids"], predictions
        )
        loss = masked_lm_loss / (normalizers[0] + DENOMINATOR_EPSILON)
        sums = [masked_lm_loss, masked_lm_correct, tf.reduce_sum(predictions)]
        if self.next_sentence:
            next_sentence_loss, next_sentence_correct = _loss_and_correct(
                outputs["nsp_logits"], batch["next_sentence_labels"], weights
            )
            loss += next_sentence_loss / normalizers[1]
            sums += [next_sentence_loss, next_sentence_correct]
        return loss, tf.stack(sums)

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """None: an evaluation of pretraining is made of sums alone."""
        return {}

    def metrics(self, totals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Losses and accuracies from sums over the global batch or over a whole evaluation.

        Args:
            totals: float64 arrays [...] by name: those of `sum_names`, and "examples".

        Returns:
            loss, masked_lm_loss, masked_lm_accuracy and, where it is part of the objective,
            next_sentence_loss and next_sentence_accuracy as float64 arrays [...].
        """
        predictions = totals["masked_lm_weight"] + DENOMINATOR_EPSILON
        masked_lm_loss = totals["masked_lm_loss"] / predictions
        metrics = {
            "loss": masked_lm_loss,
            "masked_lm_loss": masked_lm_loss,
            "masked_lm_accuracy": totals["masked_lm_correct"] / predictions,
        }
        if self.next_sentence:
            next_sentence_loss = totals["next_sentence_loss"] / totals["examples"]
            metrics |= {
                "loss": masked_lm_loss + next_sentence_loss,
                "next_sentence_loss": next_sentence_loss,
                "next_sentence_accuracy": totals["next_sentence_correct"] / totals["examples"],
            }
        return metrics


def _loss_and_correct(logits, labels, weights) -> tuple[tf.Tensor, tf.Tensor]:
    """Weighted sums of the cross entropy and of the right answers."""
    losses, best = _cross_entropy(logits, labels)
    correct = tf.cast(best == labels, tf.float32)
    return tf.reduce_sum(losses * weights), tf.reduce_sum(correct * weights)


def _cross_entropy(logits, labels) -> tuple[tf.Tensor, tf.Tensor]:
    """Cross entropies, and the best classes: float32 and int32 [...] of logits [..., classes].

    In a third of the time that TensorFlow's own operation and a search for the best class take
    with a vocabulary of classes on a CPU. The logarithm is taken of the largest probability, which
    is never close to 0, so that no cross entropy loses digits, however improbable its label.
    """
    backward = compiled(_gradient_of_logits)

    @tf.custom_gradient
    def losses_of(logits):
        probabilities = tf.nn.softmax(logits)
        best = tf.argmax(logits, axis=-1, output_type=tf.int32)
        log_of_sum = _at(logits, best) - tf.math.log(_at(probabilities, best))

        def gradient(upstream, _):
            return backward(probabilities, labels, upstream)

        return (log_of_sum - _at(logits, labels), best), gradient

    return losses_of(logits)


def _gradient_of_logits(probabilities, labels, upstream):
    right = tf.range(probabilities.shape[-1]) == labels[..., tf.newaxis]
    return (probabilities - tf.cast(right, probabilities.dtype)) * upstream[..., tf.newaxis]


def _at(values, classes) -> tf.Tensor:
    """values[..., classes[...]]."""
    return tf.gather(values, classes, axis=-1, batch_dims=classes.shape.rank)

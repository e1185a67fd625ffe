"""The pretraining objective: masked words, and next sentences, over the global batch."""

import numpy as np
import tensorflow as tf

from clinicalbert_tf.training.settings import OBJECTIVES

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
        sum_names: what `share` sums up, in order. "tokens" are those of the instances,
            "positions" what the model computes for them, padding included.

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
            "examples",
            "tokens",
            "positions",
        )

    def trains(self, tf1_name: str) -> bool:
        """Whether the loss depends on a variable; others must stay as they are, decay included."""
        return self.next_sentence or not tf1_name.startswith(_NEXT_SENTENCE_VARIABLES)

    def counts(self, batch) -> tf.Tensor:
        """What the losses are divided by: [sum of prediction weights, examples], float32 [2].

        Args:
            batch: a replica's features; "example_weights" [batch] may be absent (all 1).
        """
        weights = _example_weights(batch)
        predictions = batch["masked_lm_weights"] * weights[:, tf.newaxis]
        return tf.stack([tf.reduce_sum(predictions), tf.reduce_sum(weights)])

    def share(self, outputs, batch, counts) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's share of the loss and of the sums that metrics are made of.

        Args:
            outputs: {"mlm_logits": [batch, predictions, vocabulary], "nsp_logits": [batch, 2]}.
            batch: the replica's features.
            counts: `counts` summed over all replicas.

        Returns:
            The loss share (float32 scalar; the shares of all replicas add up to the loss of the
            global batch) and the sums (float32, one for each of `sum_names`).
        """
        weights = _example_weights(batch)
        predictions = batch["masked_lm_weights"] * weights[:, tf.newaxis]
        masked_lm_loss, masked_lm_correct = _loss_and_correct(
            outputs["mlm_logits"], batch["masked_lm_ids"], predictions
        )
        loss = masked_lm_loss / (counts[0] + DENOMINATOR_EPSILON)
        sums = [masked_lm_loss, masked_lm_correct, tf.reduce_sum(predictions)]
        if self.next_sentence:
            next_sentence_loss, next_sentence_correct = _loss_and_correct(
                outputs["nsp_logits"], batch["next_sentence_labels"], weights
            )
            loss += next_sentence_loss / counts[1]
            sums += [next_sentence_loss, next_sentence_correct]
        padding_mask = batch["padding_mask"]
        tokens = tf.reduce_sum(tf.cast(padding_mask, tf.float32), axis=-1)
        examples = tf.reduce_sum(weights)
        positions = examples * tf.cast(tf.shape(padding_mask)[-1], tf.float32)
        sums += [examples, tf.reduce_sum(tokens * weights), positions]
        return loss, tf.stack(sums)

    def metrics(self, sums) -> dict[str, np.ndarray]:
        """Losses and accuracies from sums over the global batch or over a whole evaluation.

        Args:
            sums: array [..., len(sum_names)].

        Returns:
            loss, masked_lm_loss, masked_lm_accuracy and, where it is part of the objective,
            next_sentence_loss and next_sentence_accuracy as float64 arrays [...].
        """
        columns = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
        total = dict(zip(self.sum_names, columns, strict=True))
        predictions = total["masked_lm_weight"] + DENOMINATOR_EPSILON
        masked_lm_loss = total["masked_lm_loss"] / predictions
        metrics = {
            "loss": masked_lm_loss,
            "masked_lm_loss": masked_lm_loss,
            "masked_lm_accuracy": total["masked_lm_correct"] / predictions,
        }
        if self.next_sentence:
            next_sentence_loss = total["next_sentence_loss"] / total["examples"]
            metrics |= {
                "loss": masked_lm_loss + next_sentence_loss,
                "next_sentence_loss": next_sentence_loss,
                "next_sentence_accuracy": total["next_sentence_correct"] / total["examples"],
            }
        return metrics


def _example_weights(batch) -> tf.Tensor:
    if "example_weights" in batch:
        return batch["example_weights"]
    return tf.ones(tf.shape(batch["next_sentence_labels"]), tf.float32)


def _loss_and_correct(logits, labels, weights) -> tuple[tf.Tensor, tf.Tensor]:
    """Weighted sums of the cross entropy and of the right answers."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    correct = tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels, tf.float32)
    return tf.reduce_sum(losses * weights), tf.reduce_sum(correct * weights)

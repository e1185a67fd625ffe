"""The loss of question answering: mean of two cross entropies over positions."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from clinicalbert_tf.training.objective import example_weights

# As far below any logit as float32 needs it, and finite.
_MASKED = -1e9


class SpanObjective:
    """Start and end of the answer, each a choice among the positions of a window.

    Args:
        mask_padding: whether padded positions are no choice. The reference lets them be one;
            without them the loss does not depend on the length that a batch is padded to.

    Attributes:
        model_inputs: the features that the model takes.
        sum_names: what `loss_and_sums` sums up, in order.

    Source: BERT (Devlin et al. 2018), model_fn_builder of run_squad.py.
    """

    model_inputs = ("token_ids", "segment_ids", "padding_mask")
    sum_names = ("span_loss", "start_correct", "end_correct", "span_correct", "targets")

    def __init__(self, mask_padding: bool = True):
        self._mask_padding = mask_padding

    def trains(self, tf1_name: str) -> bool:
        """All variables but the pooler's, which no output depends on."""
        return not tf1_name.startswith("bert/pooler/")

    def normalizers(self, batch) -> tf.Tensor:
        """[windows with a target], float32 [1]."""
        return tf.reduce_sum(_weights(batch))[tf.newaxis]

    def loss_and_sums(self, outputs, batch, normalizers) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's part of the loss and of the sums that metrics are made of.

        Args:
            outputs: {"start_logits", "end_logits"}, float32 [batch, length].
            batch: the replica's features; "start_positions" and "end_positions" int32 [batch],
                "target_weights" float32 [batch], 0 for windows without a target.
            normalizers: `normalizers` summed over all replicas.
        """
        weights = _weights(batch)
        losses, correct = [], []
        for side in ("start", "end"):
            logits = outputs[f"{side}_logits"]
            if self._mask_padding:
                logits = tf.where(batch["padding_mask"] > 0, logits, _MASKED)
            positions = batch[f"{side}_positions"]
            losses.append(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=positions, logits=logits)
            )
            correct.append(tf.argmax(logits, axis=-1, output_type=tf.int32) == positions)
        span_loss = tf.reduce_sum(weights * (losses[0] + losses[1]) / 2)
        both = correct[0] & correct[1]
        sums = [tf.reduce_sum(weights * tf.cast(hits, tf.float32)) for hits in (*correct, both)]
        loss = tf.math.divide_no_nan(span_loss, normalizers[0])
        return loss, tf.stack([span_loss, *sums, tf.reduce_sum(weights)])

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """Both logits of every position, float32 [batch, length]."""
        return {name: outputs[name] for name in ("start_logits", "end_logits")}

    def metrics(self, totals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Loss and accuracies of positions; NaN if no window has a target.

        Args:
            totals: float64 arrays [...] by name.
        """
        targets = np.where(totals["targets"] > 0, totals["targets"], np.nan)
        return {
            "loss": totals["span_loss"] / targets,
            "start_accuracy": totals["start_correct"] / targets,
            "end_accuracy": totals["end_correct"] / targets,
            "span_accuracy": totals["span_correct"] / targets,
        }


def _weights(batch) -> tf.Tensor:
    return batch["target_weights"] * example_weights(batch)

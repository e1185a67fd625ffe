"""The loss of a tagger: over the words of the global batch, each counted once."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.checkpoints.names import POOLER
from clinicalbert_tf.modeling.crf import log_likelihood
from clinicalbert_tf.modeling.tagger import CRF_OUTPUTS
from clinicalbert_tf.tasks.tagging.losses import BEFORE_LABELS, LOSSES
from clinicalbert_tf.training.objective import example_weights

# In features: 0 where there is no word to label, otherwise the label's id plus 1.
TAGS = "tags"
# The reference's label ids of all tokens; padding is 0.
REFERENCE_LABELS = "reference_label_ids"


class TaggingObjective:
    """Cross entropy of the label of every word, at its first wordpiece.

    A word counts in the one window that owns it. The loss is the weighted mean over the words of
    the global step; with a CRF, the negative log-likelihood of the windows' labels over the number
    of words.

    Args:
        num_labels: number of labels of words.
        loss: "words"; or "reference" for the sum over all tokens, padding, [CLS], [SEP] and later
            wordpieces included, with labels of their own.
        crf: whether the model is a BertCrfTagger.
        label_weights: weight of each label; None for 1.

    Raises:
        ValueError: an unknown loss, a CRF under the reference's loss, or weights that are not one
            positive number per label.

    Source: create_model of run_ner.py (Lee et al. 2019; Alsentzer et al. 2019).
    """

    model_inputs = ("token_ids", "segment_ids", "padding_mask")
    sum_names = ("tag_loss", "tag_correct", "tag_weight", "tags")

    def __init__(
        self,
        num_labels: int,
        loss: str = "words",
        crf: bool = False,
        label_weights: Sequence[float] | None = None,
    ):
        if loss not in LOSSES:
            raise ValueError(
                f"Expected --loss to be one of {', '.join(LOSSES)}, received {loss!r}."
            )
        if loss == "reference" and (crf or label_weights is not None):
            raise ValueError(
                "Expected --loss=reference alone, received it with --crf or class weights, which "
                "the reference has not. Drop one of them."
            )
        weights = np.ones(num_labels) if label_weights is None else np.asarray(label_weights)
        if weights.shape != (num_labels,) or not (np.isfinite(weights) & (weights > 0)).all():
            raise ValueError(
                f"Expected a positive weight for each of {num_labels} labels, received "
                f"{weights.size} weights of which some may not be positive."
            )
        self.num_labels = num_labels
        self.loss, self.crf = loss, crf
        # The label 0 is "no word here".
        self._weights = np.concatenate([[0.0], weights]).astype(np.float32)

    def trains(self, tf1_name: str) -> bool:
        """All but the pooler, which no output depends on."""
        return not tf1_name.startswith(POOLER)

    def normalizers(self, batch) -> tf.Tensor:
        """The weights of all words that count: float32 [1]."""
        return tf.reduce_sum(self._word_weights(batch))[tf.newaxis]

    def _word_weights(self, batch) -> tf.Tensor:
        """float32 [batch, length]: 0 where there is no word or the example is a filler."""
        weights = tf.gather(tf.constant(self._weights), batch[TAGS])
        return weights * example_weights(batch)[:, tf.newaxis]

    def word_logits(self, outputs) -> tf.Tensor:
        """The scores of the labels of words: float32 [batch, length, num_labels]."""
        logits = outputs["logits"]
        if self.loss == "reference":
            return logits[:, :, BEFORE_LABELS : BEFORE_LABELS + self.num_labels]
        return logits

    def loss_and_sums(self, outputs, batch, normalizers) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's part of the loss and of the sums that metrics are made of."""
        logits, tags = self.word_logits(outputs), batch[TAGS]
        labels = tf.maximum(tags - 1, 0)
        weights = self._word_weights(batch)
        if self.loss == "reference":
            loss = total = self._reference_loss(outputs["logits"], batch)
        else:
            total = self._crf_loss(outputs, batch) if self.crf else self._cross_entropy(
                logits, labels, weights
            )  # fmt: skip
            loss = tf.math.divide_no_nan(total, normalizers[0])
        words = tf.cast(tags > 0, tf.float32) * example_weights(batch)[:, tf.newaxis]
        right = tf.cast(tf.argmax(logits, axis=-1, output_type=tags.dtype) == labels, tf.float32)
        sums = [total, tf.reduce_sum(right * words), tf.reduce_sum(weights), tf.reduce_sum(words)]
        return loss, tf.stack(sums)

    def _cross_entropy(self, logits, labels, weights) -> tf.Tensor:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_sum(losses * weights)

    def _reference_loss(self, logits, batch) -> tf.Tensor:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=batch[REFERENCE_LABELS], logits=logits
        )
        return tf.reduce_sum(losses * example_weights(batch)[:, tf.newaxis])

    def _crf_loss(self, outputs, batch) -> tf.Tensor:
        likelihoods = log_likelihood(
            outputs["logits"],
            batch[TAGS] - 1,
            batch[TAGS] > 0,
            *(outputs[name] for name in CRF_OUTPUTS),
        )
        return -tf.reduce_sum(likelihoods * example_weights(batch))

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """The scores of the labels at every token: {"logits": [batch, length, num_labels]}."""
        return {"logits": self.word_logits(outputs)}

    def metrics(self, totals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Loss and accuracy from sums over the global batch or over a whole evaluation.

        Returns:
            loss (per word; per example under the reference's loss) and tag_accuracy, float64
            arrays; 0 without a word.
        """
        by = totals["examples" if self.loss == "reference" else "tag_weight"]
        return {
            "loss": totals["tag_loss"] / np.where(by > 0, by, 1.0),
            "tag_accuracy": totals["tag_correct"] / np.where(totals["tags"] > 0, totals["tags"], 1),
        }

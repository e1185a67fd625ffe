"""The losses of classification: one label, several labels, or a number."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from clinicalbert_tf.training.objective import example_weights

# What a batch holds besides the encoder's inputs: the target, and whether there is one.
TARGETS = "targets"
HAS_TARGET = "has_target"


class ClassificationObjective:
    """Weighted cross entropy, weighted sigmoid cross entropy, or squared error.

    The loss is the sum of weighted losses over the sum of weights, both over the global step:
    replicas, accumulation and class weights do not change it. Examples without a label (a test
    file's) weigh nothing.

    Args:
        problem_type: "single" (targets: int32 [batch] label ids), "multi" (float32 [batch, labels]
            of 0 and 1) or "regression" (float32 [batch]).
        class_weights: weight of each label; () for regression.
        label_smoothing: share of the target spread evenly over all labels ("single"), or over 0
            and 1 ("multi").

    Attributes:
        model_inputs: the features that the model takes.
        sum_names: what `loss_and_sums` sums up, in order.

    Source: the reference's run_classifier.py for one label without weights; scikit-learn's and
    PyTorch's weighted mean with them; Szegedy et al. 2016 for label smoothing.
    """

    model_inputs = ("token_ids", "segment_ids", "padding_mask")
    sum_names = ("weighted_loss", "weight", "correct", "labelled")

    def __init__(
        self, problem_type: str, class_weights: Sequence[float] = (), label_smoothing: float = 0.0
    ):
        self.problem_type = problem_type
        self.class_weights = np.array(class_weights, np.float32)
        self.label_smoothing = label_smoothing

    def trains(self, tf1_name: str) -> bool:
        """Every variable."""
        return True

    def normalizers(self, batch) -> tf.Tensor:
        """The sum of the examples' weights: float32 [1]."""
        return tf.reduce_sum(self._weights(batch))[tf.newaxis]

    def loss_and_sums(self, outputs, batch, normalizers) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's part of the loss and of the sums.

        Args:
            outputs: {"logits": float32 [batch, labels]} ([batch, 1] for regression).
            batch: with TARGETS and HAS_TARGET [batch].
            normalizers: `normalizers` of the whole step.
        """
        weights = self._weights(batch)
        losses, correct = self._losses(outputs["logits"], batch[TARGETS])
        labelled = batch[HAS_TARGET] * example_weights(batch)
        weighted = tf.reduce_sum(losses * weights)
        sums = [
            weighted,
            tf.reduce_sum(weights),
            tf.reduce_sum(correct * labelled),
            tf.reduce_sum(labelled),
        ]
        return tf.math.divide_no_nan(weighted, normalizers[0]), tf.stack(sums)

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """The logits of every example."""
        return {"logits": outputs["logits"]}

    def metrics(self, totals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Loss, and the share of examples whose label (all of whose labels) is right."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {"loss": totals["weighted_loss"] / totals["weight"]}
            if self.problem_type != "regression":
                found["accuracy"] = totals["correct"] / totals["labelled"]
        return found

    def _weights(self, batch) -> tf.Tensor:
        """What each example's loss counts: float32 [batch]."""
        weights = batch[HAS_TARGET] * example_weights(batch)
        if self.problem_type == "single":
            # A target of -1 stands for no label; its weight is 0 already.
            return weights * tf.gather(self.class_weights, tf.maximum(batch[TARGETS], 0))
        if self.problem_type == "multi":
            return weights * float(self.class_weights.sum())
        return weights

    def _losses(self, logits, targets) -> tuple[tf.Tensor, tf.Tensor]:
        """Loss and rightness of each example, before its weight: float32 [batch] each."""
        if self.problem_type == "regression":
            errors = tf.square(logits[:, 0] - targets)
            return errors, tf.zeros_like(errors)
        if self.problem_type == "multi":
            return self._several(logits, targets)
        targets = tf.maximum(targets, 0)
        log_probabilities = tf.nn.log_softmax(logits, axis=-1)
        losses = -tf.gather(log_probabilities, targets, batch_dims=1)
        if self.label_smoothing:
            spread = -tf.reduce_mean(log_probabilities, axis=-1)
            losses = (1.0 - self.label_smoothing) * losses + self.label_smoothing * spread
        right = tf.argmax(logits, axis=-1, output_type=tf.int32) == targets
        return losses, tf.cast(right, tf.float32)

    def _several(self, logits, targets) -> tuple[tf.Tensor, tf.Tensor]:
        smooth = targets * (1.0 - self.label_smoothing) + 0.5 * self.label_smoothing
        by_label = tf.nn.sigmoid_cross_entropy_with_logits(labels=smooth, logits=logits)
        # The mean over labels, weighted: with the weight of `_weights` their sum.
        shares = self.class_weights / self.class_weights.sum()
        right = tf.reduce_all((logits > 0.0) == (targets > 0.5), axis=-1)
        return tf.reduce_sum(by_label * shares, axis=-1), tf.cast(right, tf.float32)

"""A task's own loss and the distance to a teacher's outputs, weighted."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from clinicalbert_tf.tasks.distillation.targets import SoftTarget
from clinicalbert_tf.training.objective import example_weights


class DistillationObjective:
    """`soft_weight` times the divergence from the teacher and the rest times the task's own loss.

    Batches without the teacher's outputs (evaluations) have the task's own loss alone.

    Args:
        objective: the task's own.
        target: how the outputs are compared.
        temperature: above 0; 1 for the plain divergence.
        soft_weight: between 0 and 1; 1 leaves the labels aside.

    Attributes:
        model_inputs: the features that the model takes.
        sum_names: those of the task, and the divergence with its count.

    Source: Hinton et al. 2015, section 2.
    """

    def __init__(self, objective, target: SoftTarget, temperature: float, soft_weight: float):
        self.own = objective
        self.target = target
        self.temperature = temperature
        self.soft_weight = soft_weight
        self.model_inputs = objective.model_inputs
        self.sum_names = (*objective.sum_names, "soft_loss", "soft_targets")

    def trains(self, tf1_name: str) -> bool:
        """As the task says."""
        return self.own.trains(tf1_name)

    def normalizers(self, batch) -> tf.Tensor:
        """Those of the task, and the number of distributions that are compared."""
        return tf.concat([self.own.normalizers(batch), [self._count(batch)]], axis=0)

    def loss_and_sums(self, outputs, batch, normalizers) -> tuple[tf.Tensor, tf.Tensor]:
        """A replica's part of the loss and of the sums; see training.objective.Objective."""
        own_loss, own_sums = self.own.loss_and_sums(outputs, batch, normalizers[:-1])
        if not self._is_taught(batch):
            return own_loss, tf.concat([own_sums, [0.0, 0.0]], axis=0)
        losses = self.target.losses(outputs, batch, self.temperature)
        soft = tf.reduce_sum(losses * self._weights(batch))
        loss = self.soft_weight * tf.math.divide_no_nan(soft, normalizers[-1])
        if self.soft_weight < 1:
            loss += (1.0 - self.soft_weight) * own_loss
        return loss, tf.concat([own_sums, [soft, self._count(batch)]], axis=0)

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """As the task says."""
        return self.own.predictions(outputs, batch)

    def metrics(self, totals: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The task's metrics; of training steps also "soft_loss", and "loss" of both.

        Args:
            totals: float64 arrays [...] by name.
        """
        metrics = self.own.metrics(totals)
        count = np.asarray(totals["soft_targets"])
        if not np.any(count > 0):
            return metrics
        soft = totals["soft_loss"] / np.where(count > 0, count, np.nan)
        own = metrics["loss"]
        both = self.soft_weight * soft
        if self.soft_weight < 1:
            both = both + (1.0 - self.soft_weight) * own
        return metrics | {"loss": both, "label_loss": own, "soft_loss": soft}

    def _is_taught(self, batch) -> bool:
        return any(name.startswith("teacher_") for name in batch)

    def _weights(self, batch) -> tf.Tensor:
        """What each distribution counts: float32 [batch] or [batch, length]."""
        weights = example_weights(batch)
        if self.target.per_position and not self.target.over_positions:
            return tf.cast(batch["padding_mask"], tf.float32) * weights[:, tf.newaxis]
        return weights

    def _count(self, batch) -> tf.Tensor:
        if not self._is_taught(batch):
            return tf.zeros([])
        return tf.reduce_sum(self._weights(batch))

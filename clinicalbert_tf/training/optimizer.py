"""The reference's optimizer: Adam with decoupled weight decay, warm-up, linear decay and a clip.

Source: create_optimizer and AdamWeightDecayOptimizer of the BERT reference (Devlin et al. 2018).
"""

import dataclasses
import re
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

# Matched against the TF1 name: Keras calls LayerNorm's weights gamma and beta of a layer whose
# name need not hold "LayerNorm", so Keras names cannot decide this.
NOT_DECAYED = ("LayerNorm", "layer_norm", "bias")


@dataclasses.dataclass(frozen=True)
class WarmupLinearDecay:
    """Linear decay from step 0 to zero, replaced by a linear warm-up while step < warm-up.

    The decay is not shifted by the warm-up: after it, the rate jumps to where the line that
    started at step 0 stands.

    Attributes:
        learning_rate: the rate at the top of the decay line.
        num_train_steps: the step at which the line reaches zero; it stays there.
        num_warmup_steps: steps of warm-up, 0 for none.
    """

    learning_rate: float
    num_train_steps: int
    num_warmup_steps: int

    def __call__(self, step):
        """The learning rate (float32 scalar) for the update made after `step` updates."""
        step = tf.cast(step, tf.float32)
        total = tf.constant(self.num_train_steps, tf.float32)
        rate = self.learning_rate * (1.0 - tf.minimum(step, total) / total)
        if self.num_warmup_steps:
            warmup = tf.constant(self.num_warmup_steps, tf.float32)
            rate = tf.where(step < warmup, self.learning_rate * (step / warmup), rate)
        return rate


def is_decayed(tf1_name: str) -> bool:
    """Whether weight decay applies to the variable of this TF1 name."""
    return not any(re.search(pattern, tf1_name) for pattern in NOT_DECAYED)


class AdamWeightDecay:
    """Adam without bias correction and with decoupled weight decay.

    Made under `strategy.scope()`; `apply` is called in replica context with gradients that
    are already summed over the replicas.

    Attributes:
        step: int64 variable, the number of updates made.
        slots: {tf1_name: {"adam_m": variable, "adam_v": variable}} in the model's own layout.
        slot_names: the names above, as they end a slot's name in a checkpoint.

    Args:
        variables: (TF1 name, variable) pairs, Keras or TensorFlow variables.
        schedule: from step to learning rate.
        weight_decay_rate: fraction of a variable taken off each step, times the learning rate.
        beta_1, beta_2, epsilon: Adam's constants.
        clip_norm: the global norm that gradients are clipped to before the update.
    """

    slot_names = ("adam_m", "adam_v")

    def __init__(
        self,
        variables: Sequence[tuple[str, object]],
        schedule,
        weight_decay_rate: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        clip_norm: float = 1.0,
    ):
        self.schedule = schedule
        self.weight_decay_rate = weight_decay_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.clip_norm = clip_norm
        # The kernel weighs squared gradients by 1 - float32(beta_2), which is 1.3e-5 off the
        # reference's float32(1 - beta_2) for 0.999. Slot v carries that factor; scaling the rate
        # and epsilon by its root takes it out of the update again.
        self._root_gain = float(np.sqrt((1.0 - float(np.float32(beta_2))) / (1.0 - beta_2)))
        self.variables = [
            variable.value if isinstance(variable, keras.Variable) else variable
            for _, variable in variables
        ]
        self.decayed = [is_decayed(name) for name, _ in variables]
        self.step = tf.Variable(
            0,
            dtype=tf.int64,
            trainable=False,
            name="global_step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.slots = {
            name: {slot: _slot_variable(variable, slot) for slot in self.slot_names}
            for (name, _), variable in zip(variables, self.variables, strict=True)
        }

    def apply(self, gradients) -> dict[str, tf.Tensor]:
        """Clips the gradients, updates every variable and counts the step.

        Args:
            gradients: one dense float32 tensor a variable, in the variables' order, summed over
                the replicas.

        Returns:
            "learning_rate" and "gradient_norm" (before the clip), float32 scalars.
        """
        learning_rate = self.schedule(self.step.read_value())
        norm = tf.linalg.global_norm(gradients)
        clipped, _ = tf.clip_by_global_norm(gradients, self.clip_norm, use_norm=norm)
        tf.__internal__.distribute.interim.maybe_merge_call(
            self._update_all, tf.distribute.get_strategy(), clipped, learning_rate
        )
        return {"learning_rate": learning_rate, "gradient_norm": norm}

    def _update_all(self, strategy, gradients, learning_rate):
        slots = self.slots.values()
        for variable, slot, decayed, gradient in zip(
            self.variables, slots, self.decayed, gradients, strict=True
        ):
            update = self._update_decayed if decayed else self._update
            arguments = (slot["adam_m"], slot["adam_v"], gradient, learning_rate)
            strategy.extended.update(variable, update, args=arguments, group=False)
        strategy.extended.update(self.step, lambda step: step.assign_add(1), group=False)

    def _update_decayed(self, variable, m, v, gradient, learning_rate):
        # Decoupled: the decay is taken from the value before the update, so it may come first.
        variable.assign(variable * (1.0 - learning_rate * self.weight_decay_rate))
        self._update(variable, m, v, gradient, learning_rate)

    def _update(self, variable, m, v, gradient, learning_rate):
        # One fused pass over memory instead of ten. Powers of zero switch the kernel's bias
        # correction off, which leaves the reference's update: m / (sqrt(v) + epsilon).
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=0.0,
            beta2_power=0.0,
            lr=learning_rate * self._root_gain,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon * self._root_gain,
            grad=gradient,
        )


def _slot_variable(variable, name: str):
    strategy = tf.distribute.get_strategy()
    with strategy.extended.colocate_vars_with(variable):
        return tf.Variable(tf.zeros(variable.shape, tf.float32), trainable=False, name=name)

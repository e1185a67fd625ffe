"""The reference's optimizer: Adam with decoupled weight decay, warm-up, linear decay and a clip.

Source: create_optimizer and AdamWeightDecayOptimizer of the BERT reference (Devlin et al. 2018).
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from clinicalbert_tf.kernel_compiler import compiler_for
from clinicalbert_tf.training.updates.loss_scaling import DynamicLossScale

# What every optimizer reports of a step, and what it adds where the loss is scaled.
UPDATE_NAMES = ("learning_rate", "gradient_norm")
LOSS_SCALE_NAMES = ("loss_scale", "skipped_steps")
_LOSS_SCALE = "loss_scale"
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


def update_adamw(handles, gradient, numbers, *, decayed, decay_rate, beta_1, beta_2, epsilon):
    """Updates one variable and its slots; compiled, one pass over memory, the clip included.

    Args:
        handles: resource handles of the variable and its slots m and v, all of one shape.
        gradient: float32 tensor of that shape, before the clip.
        numbers: scalar tensors: "learning_rate", the "factor" of the clip, and with a loss scale
            "finite".
        decayed: whether weight decay applies.
        decay_rate, beta_1, beta_2, epsilon: constants.
    """
    variable, m, v = read(handles)
    next_m, next_v = moments(m, v, gradient * numbers["factor"], beta_1, beta_2)
    update = next_m / (tf.sqrt(next_v) + epsilon)
    if decayed:
        update += decay_rate * variable
    value = variable - numbers["learning_rate"] * update
    assign(handles, (value, next_m, next_v), numbers.get("finite"))


def moments(m, v, gradient, beta_1: float, beta_2: float):
    """The running means of a gradient and of its square, one step on."""
    next_m = beta_1 * m + (1.0 - beta_1) * gradient
    return next_m, beta_2 * v + (1.0 - beta_2) * tf.square(gradient)


def read(handles) -> list[tf.Tensor]:
    """The values of float32 variables."""
    # Handles, not variables: a compiled function that is given the parts of mirrored variables
    # updates those that it was traced with.
    return [tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32) for handle in handles]


def assign(handles, values, finite=None) -> None:
    """Assigns new values; the old ones again where `finite` (bool scalar or None) is false."""
    if finite is not None:
        olds = read(handles)
        values = [tf.where(finite, *pair) for pair in zip(values, olds, strict=True)]
    for handle, value in zip(handles, values, strict=True):
        tf.raw_ops.AssignVariableOp(resource=handle, value=value)


class AdamWeightDecay:
    """Adam without bias correction and with decoupled weight decay.

    Made under `strategy.scope()`; `apply` is called in replica context with gradients that
    are already summed over the replicas.

    Attributes:
        step: int64 variable, the number of steps made.
        slots: {tf1_name: {"adam_m": variable, "adam_v": variable}} in the model's own layout.
        slot_names: the names above, as they end a slot's name in a checkpoint.
        report_names: what `apply` returns, in order.

    Args:
        variables: (TF1 name, variable) pairs, Keras or TensorFlow variables.
        schedule: from step to learning rate.
        weight_decay_rate: fraction of a variable taken off each step, times the learning rate.
        beta_1, beta_2, epsilon: Adam's constants.
        clip_norm: the global norm that gradients are clipped to before the update.
        loss_scale: the DynamicLossScale that the gradients were scaled by, or None.
        trained: whether the loss depends on the variable of a TF1 name. Others have no weight
            decay, so that their zero gradients leave them as they are.
        rate_factor: what the learning rate of the variable of a TF1 name is multiplied by.
    """

    slot_names = ("adam_m", "adam_v")
    kernel = staticmethod(update_adamw)

    def __init__(
        self,
        variables: Sequence[tuple[str, object]],
        schedule,
        weight_decay_rate: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        clip_norm: float = 1.0,
        loss_scale: DynamicLossScale | None = None,
        trained: Callable[[str], bool] = lambda tf1_name: True,
        rate_factor: Callable[[str], float] = lambda tf1_name: 1.0,
    ):
        self.schedule = schedule
        self.constants = {
            "decay_rate": weight_decay_rate,
            "beta_1": beta_1,
            "beta_2": beta_2,
            "epsilon": epsilon,
        }
        self.clip_norm = clip_norm
        self.loss_scale = loss_scale
        self.report_names = UPDATE_NAMES + (LOSS_SCALE_NAMES if loss_scale is not None else ())
        self.variables = [
            variable.value if isinstance(variable, keras.Variable) else variable
            for _, variable in variables
        ]
        self.decayed = [is_decayed(name) and trained(name) for name, _ in variables]
        self.rate_factors = [rate_factor(name) for name, _ in variables]
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

        With a loss scale, a step whose gradients are not finite leaves variables and slots as
        they are. It counts as a step all the same: its records have been read.

        Args:
            gradients: one dense float32 tensor a variable, in the variables' order, summed over
                the replicas; of the scaled loss where there is a loss scale.

        Returns:
            A float32 scalar for each of `report_names`: "learning_rate" and "gradient_norm"
            (before the clip, without the loss scale; 0 for a skipped step); with a loss scale
            also the "loss_scale" of this step and "skipped_steps" so far.
        """
        step = self.step.read_value()
        numbers = {"learning_rate": self.schedule(step), "step": step}
        norm = tf.linalg.global_norm(gradients)
        report = {"learning_rate": numbers["learning_rate"]}
        if self.loss_scale is None:
            report["gradient_norm"] = norm
            numbers["factor"] = self._clip(norm)
        else:
            scale = self.loss_scale.scale.read_value()
            skipped = self.loss_scale.skipped_steps.read_value()
            norm = norm / scale
            finite = tf.math.is_finite(norm)
            numbers |= {"factor": self._clip(norm) / scale, "finite": finite, "skipped": skipped}
            # Beyond the scale's reach it is no overflow, and the loop must see it.
            overflow = ~finite & ~self.loss_scale.exhausted()
            report["gradient_norm"] = tf.where(overflow, 0.0, norm)
            report["loss_scale"] = scale
            report["skipped_steps"] = tf.cast(skipped + tf.cast(~finite, tf.int64), tf.float32)
        tf.__internal__.distribute.interim.maybe_merge_call(
            self._update_all, tf.distribute.get_strategy(), gradients, numbers
        )
        return report

    def reset(self) -> None:
        """Goes back to the beginning: slots, step and loss scale; the variables stay."""
        for slots in self.slots.values():
            for slot in slots.values():
                slot.assign(tf.zeros(slot.shape))
        self.step.assign(0)
        if self.loss_scale is not None:
            self.loss_scale.reset()

    def state(self) -> dict[str, dict[str, float]]:
        """What a resumed run needs besides variables, slots and step, for state.json."""
        return {} if self.loss_scale is None else {_LOSS_SCALE: self.loss_scale.state()}

    def restore_state(self, content) -> None:
        """Takes up what `state` gave, from the content of a state.json.

        Raises:
            ValueError: it lacks something.
        """
        if self.loss_scale is not None:
            self.loss_scale.restore(content.get(_LOSS_SCALE))

    def _clip(self, norm):
        """What gradients of this norm are multiplied by."""
        return self.clip_norm / tf.maximum(norm, self.clip_norm)

    def _update_all(self, strategy, gradients, numbers):
        compiler = compiler_for(strategy)
        kernel = self.kernel if compiler is None else compiler(self.kernel)
        slots = self.slots.values()
        for variable, slot, decayed, factor, gradient in zip(
            self.variables, slots, self.decayed, self.rate_factors, gradients, strict=True
        ):
            own = numbers
            if factor != 1.0:
                own = {**numbers, "learning_rate": numbers["learning_rate"] * factor}
            update = functools.partial(_update, kernel, {"decayed": decayed, **self.constants})
            arguments = (slot["adam_m"], slot["adam_v"], gradient, own)
            strategy.extended.update(variable, update, args=arguments, group=False)
        if self.loss_scale is not None:
            self.loss_scale.adjust(strategy, numbers["finite"])
        strategy.extended.update(self.step, lambda step: step.assign_add(1), group=False)


def _update(kernel, constants, variable, m, v, gradient, numbers):
    kernel([variable.handle, m.handle, v.handle], gradient, numbers, **constants)


def _slot_variable(variable, name: str):
    strategy = tf.distribute.get_strategy()
    with strategy.extended.colocate_vars_with(variable):
        return tf.Variable(tf.zeros(variable.shape, tf.float32), trainable=False, name=name)

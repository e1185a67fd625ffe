"""Dynamic loss scaling: keeps float16 gradients between underflow and overflow."""

import numbers

import tensorflow as tf

# Float16 ends at 65504: scales beyond this one are of no use to any loss.
_LARGEST = 2.0**24
_SMALLEST = 1.0


class DynamicLossScale:
    """The factor that the loss is multiplied by before the backward pass.

    Halved by a step whose gradients overflowed, doubled after `growth_steps` in a row without.
    All its values are powers of two, so that scaling itself rounds nothing. Made under
    `strategy.scope()`.

    Attributes:
        scale: float32 variable.
        good_steps: int64 variable, steps without an overflow since the scale last changed.
        skipped_steps: int64 variable, steps that overflowed since the run began.

    Args:
        initial: the first scale, a power of two.
        growth_steps: steps without an overflow after which the scale is doubled.

    Source: Micikevicius et al. 2018, Mixed Precision Training, section 3.2.
    """

    def __init__(self, initial: float = 2.0**15, growth_steps: int = 2000):
        self.initial = initial
        self.growth_steps = growth_steps
        self.scale = _counter(initial, tf.float32, "loss_scale")
        self.good_steps = _counter(0, tf.int64, "good_steps")
        self.skipped_steps = _counter(0, tf.int64, "skipped_steps")

    def adjust(self, strategy, finite) -> None:
        """Counts a step; to be called in cross-replica context.

        Args:
            strategy: the current strategy.
            finite: whether its gradients were finite, bool scalar, the same on every replica.
        """
        strategy.extended.update(self.scale, self._adjust, args=(self.good_steps, finite))
        strategy.extended.update(
            self.skipped_steps,
            lambda skipped, finite: skipped.assign_add(tf.cast(~finite, tf.int64)),
            args=(finite,),
        )

    def _adjust(self, scale, good_steps, finite):
        none = tf.zeros((), tf.int64)
        good = tf.where(finite, good_steps + 1, none)
        grown = good >= self.growth_steps
        larger = tf.where(grown, tf.minimum(scale * 2.0, _LARGEST), scale)
        scale.assign(tf.where(finite, larger, tf.maximum(scale / 2.0, _SMALLEST)))
        good_steps.assign(tf.where(grown, none, good))

    def exhausted(self) -> tf.Tensor:
        """Whether the scale cannot become smaller: what overflows then is no matter of scale."""
        return self.scale.read_value() <= _SMALLEST

    def reset(self) -> None:
        """Goes back to the first scale and forgets what was counted."""
        self.scale.assign(self.initial)
        self.good_steps.assign(0)
        self.skipped_steps.assign(0)

    def state(self) -> dict[str, float]:
        """What a resumed run needs, for a checkpoint's state.json."""
        return {
            "scale": float(self.scale.numpy()),
            "good_steps": int(self.good_steps.numpy()),
            "skipped_steps": int(self.skipped_steps.numpy()),
        }

    def restore(self, state) -> None:
        """Takes up what `state` gave.

        Raises:
            ValueError: it is something else.
        """
        expected = self.state()
        if (
            not isinstance(state, dict)
            or set(state) != set(expected)
            or not all(isinstance(value, numbers.Real) and value >= 0 for value in state.values())
        ):
            raise ValueError(
                f"Expected the checkpoint's state to hold the loss scale's {', '.join(expected)}, "
                f"received {state!r}. Start from an earlier checkpoint of the run."
            )
        for name, value in state.items():
            getattr(self, name).assign(value)


def _counter(value, dtype, name: str) -> tf.Variable:
    return tf.Variable(
        value,
        dtype=dtype,
        trainable=False,
        name=name,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )

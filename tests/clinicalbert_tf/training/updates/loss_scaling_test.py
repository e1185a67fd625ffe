"""Dynamic loss scaling: when the scale moves, what a skipped step leaves alone, its state."""

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.updates.loss_scaling import DynamicLossScale
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay

INITIAL = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
GRADIENT = np.array([[0.1, 0.2], [-0.3, 0.05]], np.float32)


def make(initial=1024.0, growth_steps=2):
    variable = tf.Variable(INITIAL)
    loss_scale = DynamicLossScale(initial, growth_steps) if initial else None
    schedule = WarmupLinearDecay(1e-2, 1000, 0)
    return AdamWeightDecay([("a/kernel", variable)], schedule, loss_scale=loss_scale)


def apply(optimizer, finite=True):
    scale = float(optimizer.loss_scale.scale) if optimizer.loss_scale else 1.0
    gradient = GRADIENT * np.float32(scale)
    if not finite:
        gradient = gradient.copy()
        gradient[1, 1] = np.inf
    report = optimizer.apply([tf.constant(gradient)])
    return {name: float(value) for name, value in report.items()}


class LossScalingTest(tf.test.TestCase, parameterized.TestCase):
    def test_scaled_gradients_make_the_same_update_as_unscaled_ones(self):
        scaled, plain = make(), make(initial=None)
        for _ in range(5):
            reports = apply(scaled), apply(plain)
            self.assertAllClose(
                reports[0]["gradient_norm"], reports[1]["gradient_norm"], rtol=1e-6, atol=0
            )
        self.assertAllEqual(scaled.variables[0], plain.variables[0])
        self.assertTrue((scaled.variables[0].numpy() != INITIAL).all())

    def test_scale_doubles_after_good_steps_and_halves_at_an_overflow(self):
        optimizer = make(initial=8.0, growth_steps=3)
        reports = [apply(optimizer, finite) for finite in (1, 1, 0, 1, 1, 1, 1)]
        self.assertEqual([report["loss_scale"] for report in reports], [8, 8, 8, 4, 4, 4, 8])
        self.assertEqual([report["skipped_steps"] for report in reports], [0, 0, 1, 1, 1, 1, 1])
        self.assertEqual(tuple(reports[0]), optimizer.report_names)

    def test_overflow_leaves_variables_and_slots_and_counts_as_a_step(self):
        optimizer = make()
        apply(optimizer)
        slots = optimizer.slots["a/kernel"]
        before = [variable.numpy() for variable in (optimizer.variables[0], *slots.values())]
        report = apply(optimizer, finite=False)
        self.assertEqual(report["gradient_norm"], 0.0)
        self.assertEqual(int(optimizer.step), 2)
        after = [variable.numpy() for variable in (optimizer.variables[0], *slots.values())]
        for old, new in zip(before, after, strict=True):
            self.assertAllEqual(old, new)

    def test_gradients_that_no_scale_makes_finite_are_reported(self):
        optimizer = make(initial=2.0)
        self.assertEqual(apply(optimizer, finite=False)["gradient_norm"], 0.0)
        self.assertEqual(float(optimizer.loss_scale.scale), 1.0)
        self.assertFalse(np.isfinite(apply(optimizer, finite=False)["gradient_norm"]))
        self.assertEqual(float(optimizer.loss_scale.scale), 1.0)

    def test_scale_has_an_upper_end(self):
        optimizer = make(initial=2.0**24, growth_steps=1)
        apply(optimizer)
        self.assertEqual(float(optimizer.loss_scale.scale), 2.0**24)

    def test_restored_state_goes_on_as_the_undisturbed_one(self):
        first, second = make(), make()
        for finite in (1, 0, 1):
            apply(first, finite)
        second.restore_state(first.state())
        self.assertEqual(
            second.state(), {"loss_scale": {"scale": 512.0, "good_steps": 1, "skipped_steps": 1}}
        )
        for finite in (1, 1, 0):
            reports = apply(first, finite), apply(second, finite)
            self.assertEqual(reports[0]["loss_scale"], reports[1]["loss_scale"])
        self.assertEqual(first.state(), second.state())

    @parameterized.parameters(
        (None,), ({},), ({"scale": 2.0},), ({"scale": -1.0, "good_steps": 0},)
    )
    def test_state_without_a_loss_scale_is_refused(self, state):
        content = {} if state is None else {"loss_scale": state}
        with self.assertRaisesRegex(
            ValueError, r"scale, good_steps, skipped_steps.*earlier checkpoint"
        ):
            make().restore_state(content)

    def test_float32_needs_and_leaves_no_state(self):
        optimizer = make(initial=None)
        self.assertEqual(optimizer.state(), {})
        optimizer.restore_state({"loss_scale": "of no matter"})
        self.assertEqual(optimizer.report_names, ("learning_rate", "gradient_norm"))

    def test_reset_goes_back_to_the_beginning(self):
        optimizer = make()
        for finite in (1, 0):
            apply(optimizer, finite)
        optimizer.reset()
        self.assertEqual(optimizer.state(), make().state())
        self.assertEqual(int(optimizer.step), 0)
        self.assertFalse(any(slot.numpy().any() for slot in optimizer.slots["a/kernel"].values()))

    def test_replicas_agree_on_an_overflow(self):
        strategy = build_strategy("mirrored", num_replicas=2)
        with strategy.scope():
            optimizer = make()

        @tf.function
        def step():
            def replica():
                context = tf.distribute.get_replica_context()
                first = tf.equal(context.replica_id_in_sync_group, 0)
                # Only one replica's gradient overflows; what is applied is the sum.
                own = tf.where(first, GRADIENT, tf.fill(GRADIENT.shape, np.float32(np.inf)))
                return optimizer.apply([context.all_reduce(tf.distribute.ReduceOp.SUM, own)])

            return strategy.run(replica)

        step()
        for part in strategy.experimental_local_results(optimizer.variables[0]):
            self.assertAllEqual(part, INITIAL)
        self.assertEqual(
            optimizer.loss_scale.state(), {"scale": 512.0, "good_steps": 0, "skipped_steps": 1}
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

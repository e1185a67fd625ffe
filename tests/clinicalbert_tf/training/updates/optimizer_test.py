"""The optimizer against the trajectory that the reference's optimizer left."""

import json

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.training.updates.optimizer import (
    AdamWeightDecay,
    WarmupLinearDecay,
    is_decayed,
)
from tests import support

GOLDEN = support.GOLDEN / "optimizer"


class OptimizerTest(tf.test.TestCase, parameterized.TestCase):
    def test_trajectory_of_the_reference_is_followed_in_every_variable_and_step(self):
        golden = json.loads((GOLDEN / "trajectory.json").read_text())
        settings = golden["settings"]
        schedule = WarmupLinearDecay(
            settings["init_lr"], settings["num_train_steps"], settings["num_warmup_steps"]
        )
        variables = {
            name: tf.Variable(np.array(value, np.float32))
            for name, value in golden["initial"].items()
        }
        optimizer = AdamWeightDecay(list(variables.items()), schedule)
        # As in training: several updates inside one graph.
        apply = tf.function(optimizer.apply)
        for number, step in enumerate(golden["steps"]):
            gradients = [tf.constant(step["gradients"][name], tf.float32) for name in variables]
            report = apply(gradients)
            self.assertAllClose(
                float(report["gradient_norm"]), step["global_norm"], rtol=1e-6, atol=0
            )
            for name, variable in variables.items():
                self.assertAllClose(
                    variable.numpy(),
                    np.array(step["after"][name]),
                    rtol=0,
                    atol=1e-6,
                    msg=f"{name} after step {number}",
                )
        self.assertEqual(int(optimizer.step), len(golden["steps"]))

    @parameterized.parameters(
        (0, 0.0), (1, 0.25), (3, 0.75), (4, 0.6), (5, 0.5), (9, 0.1), (10, 0.0), (12, 0.0)
    )
    def test_decay_runs_from_step_zero_and_warmup_replaces_it(self, step, expected):
        schedule = WarmupLinearDecay(1.0, num_train_steps=10, num_warmup_steps=4)
        self.assertAllClose(float(schedule(step)), expected, rtol=0, atol=1e-7)

    def test_without_warmup_the_first_step_has_the_full_rate(self):
        self.assertAllClose(float(WarmupLinearDecay(0.5, 10, 0)(0)), 0.5, rtol=1e-6, atol=0)

    @parameterized.parameters(
        ("bert/embeddings/word_embeddings", True),
        ("bert/encoder/layer_0/attention/self/query/kernel", True),
        ("bert/encoder/layer_0/attention/self/query/bias", False),
        ("bert/encoder/layer_0/output/LayerNorm/gamma", False),
        ("cls/predictions/transform/LayerNorm/beta", False),
        ("encoder/layer_norm/scale", False),
        ("cls/predictions/output_bias", False),
        ("cls/seq_relationship/output_weights", True),
    )
    def test_decay_is_decided_by_the_tf1_name(self, name, expected):
        self.assertIs(is_decayed(name), expected)

    def test_decay_alone_shrinks_only_decayed_variables(self):
        variables = [("a/kernel", tf.Variable([2.0])), ("a/bias", tf.Variable([2.0]))]
        optimizer = AdamWeightDecay(variables, lambda step: tf.constant(0.1), weight_decay_rate=0.5)
        optimizer.apply([tf.constant([0.0]), tf.constant([0.0])])
        self.assertAllClose(variables[0][1].numpy(), [2.0 * (1 - 0.1 * 0.5)], rtol=1e-6, atol=0)
        self.assertAllClose(variables[1][1].numpy(), [2.0], rtol=1e-6, atol=0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

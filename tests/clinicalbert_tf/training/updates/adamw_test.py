"""AdamW against a slow version with all its powers written out; factors of the learning rate."""

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.training.updates.adamw import AdamW
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay


def slow_adamw(value, gradients, rate, decay):
    m = v = np.zeros_like(value)
    for t, gradient in enumerate(gradients, start=1):
        gradient = gradient / max(1.0, np.linalg.norm(gradient))
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        value = value - rate * (step + decay * value)
    return value


class AdamWTest(tf.test.TestCase):
    def test_updates_equal_the_slow_version(self):
        generator = np.random.default_rng(0)
        start = generator.normal(size=5)
        gradients = generator.normal(size=(20, 5))
        for name, decay in (("a/kernel", 0.01), ("a/bias", 0.0)):
            variable = tf.Variable(start.astype(np.float32))
            optimizer = AdamW([(name, variable)], lambda step: tf.constant(0.01))
            apply = tf.function(optimizer.apply)
            for gradient in gradients:
                apply([tf.constant(gradient, tf.float32)])
            expected = slow_adamw(start, gradients, 0.01, decay)
            self.assertAllClose(variable.numpy(), expected, rtol=2e-5, atol=0)

    def test_first_update_has_the_size_of_the_learning_rate(self):
        for kind, size in ((AdamW, 0.1), (AdamWeightDecay, 0.1 * 0.1 / 0.001**0.5)):
            variable = tf.Variable([0.0])
            optimizer = kind([("a/bias", variable)], lambda step: tf.constant(0.1))
            optimizer.apply([tf.constant([0.5])])
            self.assertAllClose(np.abs(variable.numpy()), [size], rtol=1e-3, atol=0)

    def test_rates_differ_by_variable(self):
        variables = [("low/bias", tf.Variable([0.0])), ("high/bias", tf.Variable([0.0]))]
        optimizer = AdamW(
            variables,
            lambda step: tf.constant(0.1),
            rate_factor={"low/bias": 0.25, "high/bias": 1.0}.__getitem__,
        )
        optimizer.apply([tf.constant([0.5]), tf.constant([0.5])])
        self.assertAllClose(variables[0][1].numpy(), [-0.025], rtol=1e-4, atol=0)
        self.assertAllClose(variables[1][1].numpy(), [-0.1], rtol=1e-4, atol=0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""LAMB against a NumPy version written from the paper, in float64."""

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.updates.lamb import Lamb
from clinicalbert_tf.training.updates.loss_scaling import DynamicLossScale
from clinicalbert_tf.training.updates.optimizer import WarmupLinearDecay

STEPS, RATE, WARMUP = 14, 0.02, 3
NAMES = (
    "bert/encoder/layer_0/attention/self/query/kernel",
    "bert/encoder/layer_0/attention/self/query/bias",
    "bert/encoder/layer_0/output/LayerNorm/gamma",
    "bert/embeddings/word_embeddings",
    "cls/predictions/zeros/kernel",
)
RANDOM = np.random.default_rng(11)
INITIAL = [RANDOM.normal(size=size) for size in ((4, 3), (3,), (3,), (5, 3))] + [np.zeros((2, 2))]
# Some steps above the clip norm, some below.
GRADIENTS = [
    [RANDOM.normal(size=value.shape) * (3.0 if step % 3 else 0.02) for value in INITIAL]
    for step in range(STEPS)
]


def plain_lamb(values, gradients, adapted):
    """Algorithm 2 of You et al. 2019 with global-norm clip; the values after every step."""
    values = [value.copy() for value in values]
    m, v = ([np.zeros_like(value) for value in values] for _ in range(2))
    history = []
    for step, given in enumerate(gradients):
        rate = RATE * (step / WARMUP if step < WARMUP else 1 - step / STEPS)
        norm = np.sqrt(sum((gradient**2).sum() for gradient in given))
        for i, gradient in enumerate(given):
            gradient = gradient * min(1.0, 1.0 / norm)
            m[i] = 0.9 * m[i] + 0.1 * gradient
            v[i] = 0.999 * v[i] + 0.001 * gradient**2
            m_hat, v_hat = m[i] / (1 - 0.9 ** (step + 1)), v[i] / (1 - 0.999 ** (step + 1))
            update, ratio = m_hat / (np.sqrt(v_hat) + 1e-6), 1.0
            if adapted[i]:
                update = update + 0.01 * values[i]
                norms = np.linalg.norm(values[i]), np.linalg.norm(update)
                ratio = norms[0] / norms[1] if all(norms) else 1.0
            values[i] = values[i] - rate * ratio * update
        history.append([value.copy() for value in values])
    return history


def make(**settings):
    variables = [(n, tf.Variable(v, dtype=tf.float32)) for n, v in zip(NAMES, INITIAL, strict=True)]
    return Lamb(variables, WarmupLinearDecay(RATE, STEPS, WARMUP), **settings)


def as_tensors(gradients, scale=1.0):
    return [tf.constant(gradient * scale, tf.float32) for gradient in gradients]


class LambTest(tf.test.TestCase):
    def test_every_step_equals_the_papers_algorithm(self):
        optimizer = make()
        apply = tf.function(optimizer.apply)
        expected = plain_lamb(INITIAL, GRADIENTS, (True, False, False, True, True))
        for step, gradients in enumerate(GRADIENTS):
            apply(as_tensors(gradients))
            for name, variable, value in zip(
                NAMES, optimizer.variables, expected[step], strict=True
            ):
                self.assertAllClose(variable, value, rtol=0, atol=1e-5, msg=f"{name} step {step}")

    def test_layer_norm_and_bias_are_left_out_of_decay_and_trust_ratio(self):
        everything = plain_lamb(INITIAL, GRADIENTS, (True,) * 5)[-1]
        excluded = plain_lamb(INITIAL, GRADIENTS, (True, False, False, True, True))[-1]
        differences = [np.abs(a - b).max() for a, b in zip(everything, excluded, strict=True)]
        # The comparison above could not pass with them included.
        self.assertGreater(min(differences[1], differences[2]), 1e-3)
        self.assertEqual(differences[0], 0)

    def test_slots_have_the_names_of_adams(self):
        optimizer = make()
        self.assertEqual(set(optimizer.slots), set(NAMES))
        self.assertTrue(
            all(set(slots) == {"adam_m", "adam_v"} for slots in optimizer.slots.values())
        )

    def test_skipped_step_does_not_count_for_the_bias_correction(self):
        optimizer = make(loss_scale=DynamicLossScale(initial=4.0))
        overflow = [tf.fill(value.shape, np.float32(np.inf)) for value in INITIAL]
        optimizer.apply(overflow)
        for variable, value in zip(optimizer.variables, INITIAL, strict=True):
            self.assertAllEqual(variable, value.astype(np.float32))
        report = optimizer.apply(as_tensors(GRADIENTS[0], scale=2.0))
        update = optimizer.variables[1].numpy() - INITIAL[1]
        # First applied update: m_hat / sqrt(v_hat) is the sign of the gradient, nearly.
        rate = float(report["learning_rate"])
        self.assertAllClose(update, -rate * np.sign(GRADIENTS[0][1]), rtol=0.02, atol=0)

    def test_two_replicas_make_the_same_update(self):
        strategy = build_strategy("mirrored", num_replicas=2)
        with strategy.scope():
            optimizer = make()

        @tf.function
        def step(gradients):
            return strategy.run(optimizer.apply, args=(gradients,))

        for gradients in GRADIENTS:
            step(as_tensors(gradients))
        expected = plain_lamb(INITIAL, GRADIENTS, (True, False, False, True, True))[-1]
        for variable, value in zip(optimizer.variables, expected, strict=True):
            for part in strategy.experimental_local_results(variable):
                self.assertAllClose(part, value, rtol=0, atol=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Kernels against the plain formulas and the gradients that TensorFlow derives from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.kernel_compiler import xla_kernel
from clinicalbert_tf.modeling import elementwise
from clinicalbert_tf.modeling.compilation import compiled_by
from clinicalbert_tf.modeling.dropout_mask import keep_mask
from clinicalbert_tf.modeling.layer_norm import RowNormalization
from clinicalbert_tf.modeling.token_embedding import TokenEmbedding

KEY = tf.constant([3, 9], tf.uint32)
RANDOM = np.random.default_rng(11)
VALUES = RANDOM.normal(size=(6, 10), scale=3).astype(np.float32)
RESIDUAL = RANDOM.normal(size=(6, 10)).astype(np.float32)
GAMMA, BETA = RANDOM.normal(size=(2, 10)).astype(np.float32)
UPSTREAM = RANDOM.normal(size=(6, 10)).astype(np.float32)


def value_and_gradients(function, *arguments):
    arguments = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        result = function(*arguments)
        loss = tf.reduce_sum(tf.cast(result, tf.float32) * UPSTREAM)
    return [result, *tape.gradient(loss, arguments)]


def plain_drop(values, rate):
    return tf.where(keep_mask(KEY, 6, 10, rate), values / (1 - rate), 0.0)


def plain_norm(total, gamma, beta):
    mean, variance = tf.nn.moments(total, axes=[-1], keepdims=True)
    return (total - mean) / tf.sqrt(variance + 1e-12) * gamma + beta


class ElementwiseTest(tf.test.TestCase, parameterized.TestCase):
    def assert_equal_with_gradients(self, function, plain, *arguments, atol=1e-5):
        expected = value_and_gradients(plain, *arguments)
        for compiler in (None, xla_kernel):
            with compiled_by(compiler):
                received = value_and_gradients(function, *arguments)
            for ours, theirs in zip(received, expected, strict=True):
                self.assertAllClose(ours, theirs, rtol=0, atol=atol)

    def test_gelu_and_its_gradient(self):
        self.assert_equal_with_gradients(
            elementwise.gelu, lambda x: tf.nn.gelu(x, approximate=True), VALUES
        )
        far = np.array([[-1e4, -30.0, 0.0, 30.0, 1e4]], np.float32)
        self.assertAllEqual(elementwise.gelu(far), np.maximum(far, 0))

    def test_normalization_of_a_dropped_sublayer_and_its_input(self):
        self.assert_equal_with_gradients(
            lambda x, r, g, b: elementwise.residual_norm(x, r, g, b, 1e-12, KEY, 0.4),
            lambda x, r, g, b: plain_norm(plain_drop(x, 0.4) + r, g, b),
            *(VALUES, RESIDUAL, GAMMA, BETA),
            atol=3e-5,
        )

    def test_normalization_without_dropout_and_without_residual(self):
        self.assert_equal_with_gradients(
            lambda x, g, b: elementwise.residual_norm(x, None, g, b, 1e-12),
            plain_norm,
            *(VALUES, GAMMA, BETA),
            atol=3e-5,
        )

    def test_dropout_has_the_same_mask_in_its_gradient(self):
        self.assert_equal_with_gradients(
            lambda x: elementwise.dropout(x, KEY, 0.4), lambda x: plain_drop(x, 0.4), VALUES
        )
        self.assertIs(elementwise.dropout(VALUES, None, 0.4), VALUES)

    @parameterized.parameters("bfloat16", "float16")
    def test_half_precision_is_rounded_only_at_the_ends(self, dtype):
        # Half the distance of neighbouring numbers, and a little for the arithmetic before.
        step = 1.02 * 2.0 ** {"bfloat16": -8, "float16": -11}[dtype]
        values = tf.cast(VALUES, dtype)
        exact = tf.nn.gelu(tf.cast(values, tf.float32), approximate=True)
        received = elementwise.gelu(values)
        self.assertEqual(received.dtype, dtype)
        self.assertAllClose(tf.cast(received, tf.float32), exact, rtol=step, atol=1e-6)
        normed = elementwise.residual_norm(values, values, GAMMA, BETA, 1e-12)
        exact = plain_norm(2 * tf.cast(values, tf.float32), GAMMA, BETA)
        self.assertEqual(normed.dtype, dtype)
        self.assertAllClose(tf.cast(normed, tf.float32), exact, rtol=step, atol=1e-5)

    def test_row_normalization_is_keras_layer_normalization(self):
        ours, theirs = RowNormalization(), keras.layers.LayerNormalization(epsilon=1e-12)
        for layer in (ours, theirs):
            layer.build((None, None, 10))
            layer.set_weights([GAMMA, BETA])
        values = VALUES.reshape(2, 3, 10)
        self.assertAllClose(ours(values), theirs(values), rtol=0, atol=1e-5)
        self.assertEqual(RowNormalization.from_config(ours.get_config()).epsilon, 1e-12)

    def test_tied_projection_has_the_gradient_of_the_plain_product(self):
        layer = TokenEmbedding(7, 4)
        layer.build()
        hidden = RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
        upstream = RANDOM.normal(size=(2, 3, 7)).astype(np.float32)
        table = layer.embeddings.value

        def gradients(function):
            given = tf.constant(hidden)
            with tf.GradientTape() as tape:
                tape.watch(given)
                logits = function(given)
                loss = tf.reduce_sum(logits * upstream)
            return logits, *tape.gradient(loss, [given, table])

        received = gradients(lambda given: layer(given, reverse=True))
        expected = gradients(lambda given: tf.einsum("bph,vh->bpv", given, table))
        for ours, theirs in zip(received, expected, strict=True):
            self.assertAllClose(ours, theirs, rtol=0, atol=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

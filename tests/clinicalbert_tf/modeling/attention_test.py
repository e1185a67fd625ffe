"""Self-attention against keras.layers.MultiHeadAttention and derived gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.kernel_compiler import xla_kernel
from clinicalbert_tf.modeling.attention import (
    attention_probabilities,
    mask_offsets,
    merge_heads,
    self_attention,
    split_heads,
)
from clinicalbert_tf.modeling.compilation import compiled_by
from clinicalbert_tf.modeling.dropout_mask import keep_mask
from clinicalbert_tf.modeling.encoder_layer import EncoderLayer

BATCH, LENGTH, HEADS, SIZE = 3, 5, 2, 4
KEY = tf.constant([7, 1], tf.uint32)
RANDOM = np.random.default_rng(3)
PROJECTED = RANDOM.normal(size=(BATCH, LENGTH, 3 * HEADS * SIZE)).astype(np.float32)
UPSTREAM = RANDOM.normal(size=(BATCH, LENGTH, HEADS * SIZE)).astype(np.float32)
MASK = np.ones((BATCH, LENGTH), np.int32)
MASK[1, 3:] = 0


def plain_attention(projected, key, rate):
    parts = tf.reshape(projected, (BATCH, LENGTH, 3, HEADS, SIZE))
    scores = tf.einsum("blhd,bmhd->bhlm", parts[:, :, 0], parts[:, :, 1]) / np.sqrt(SIZE)
    probabilities = tf.nn.softmax(tf.where(MASK[:, None, None, :] == 1, scores, -np.inf))
    if key is not None:
        kept = tf.reshape(keep_mask(key, BATCH * HEADS * LENGTH, LENGTH, rate), scores.shape)
        probabilities = tf.where(kept, probabilities / (1 - rate), 0)
    mixed = tf.einsum("bhlm,bmhd->blhd", probabilities, parts[:, :, 2])
    return tf.reshape(mixed, UPSTREAM.shape)


def value_and_gradient(function):
    projected = tf.constant(PROJECTED)
    with tf.GradientTape() as tape:
        tape.watch(projected)
        result = function(projected)
        loss = tf.reduce_sum(result * UPSTREAM)
    return result, tape.gradient(loss, projected)


class AttentionTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(compiler=[None, xla_kernel], key=[None, KEY])
    def test_attention_and_its_gradient(self, key, compiler):
        expected = value_and_gradient(lambda x: plain_attention(x, key, 0.3))
        with compiled_by(compiler):
            received = value_and_gradient(
                lambda x: self_attention(x, mask_offsets(tf.constant(MASK)), HEADS, key, 0.3)
            )
        for ours, theirs in zip(received, expected, strict=True):
            self.assertAllClose(ours, theirs, rtol=0, atol=1e-5)

    def test_probabilities_sum_to_one_over_what_is_not_padded(self):
        received = np.asarray(
            attention_probabilities(tf.constant(PROJECTED), mask_offsets(MASK.astype(bool)), HEADS)
        )
        self.assertEqual(received.shape, (BATCH, HEADS, LENGTH, LENGTH))
        self.assertAllClose(received.sum(-1), np.ones(received.shape[:-1]), rtol=0, atol=1e-6)
        self.assertFalse(received[1, :, :, 3:].any())
        self.assertTrue(received[1, :, :, :3].all())

    def test_merging_undoes_splitting(self):
        parts = split_heads(tf.constant(PROJECTED), parts=3, num_heads=HEADS)
        self.assertEqual([tuple(part.shape) for part in parts], [(BATCH, HEADS, LENGTH, SIZE)] * 3)
        self.assertAllEqual(merge_heads(*parts), PROJECTED)

    def test_layer_uses_its_weights_as_keras_own_attention_does(self):
        layer = EncoderLayer(num_heads=HEADS, intermediate_dim=6, initializer_range=0.5)
        layer.build((None, None, HEADS * SIZE))
        for weight in layer.weights[:8]:
            weight.assign(RANDOM.normal(size=weight.shape))
        hidden = RANDOM.normal(size=(BATCH, LENGTH, HEADS * SIZE)).astype(np.float32)
        attended = layer.attention(hidden, hidden, attention_mask=MASK[:, None, :] == 1)
        expected = keras.ops.layer_normalization(attended + hidden, epsilon=1e-12)
        layer.output_dense.set_weights([np.zeros((6, 8)), np.zeros(8)])
        received = layer(hidden, padding_mask=MASK)
        # The second sublayer adds nothing here, and normalizing twice changes nothing.
        self.assertAllClose(received, expected, rtol=0, atol=1e-4)
        padded = layer(hidden, padding_mask=np.ones_like(MASK))
        self.assertAllEqual(layer(hidden), padded)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

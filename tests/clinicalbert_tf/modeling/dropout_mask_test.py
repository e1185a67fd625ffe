"""Dropout masks: the fraction, the independence, the scale, the key."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.modeling.dropout_mask import drop, keep_mask
from clinicalbert_tf.modeling.keyed_dropout import KeyedDropout


def mask(first, second, rate=0.1, rows=1000, columns=768):
    return np.asarray(keep_mask(tf.constant([first, second], tf.uint32), rows, columns, rate))


class DropoutMaskTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        rate=[0.1, 0.5, 0.9], key=[(0, 0), (1, 0), (2**31 - 1, 7), (5, 2**32 - 1)]
    )
    def test_fraction_dropped_is_the_rate(self, rate, key):
        dropped = ~mask(*key, rate)
        deviation = np.sqrt(rate * (1 - rate) / dropped.size)
        self.assertLess(abs(dropped.mean() - rate), 5 * deviation)
        # Nor does it gather in some rows or columns.
        for axis in (0, 1):
            means = dropped.mean(axis=axis)
            self.assertLess(
                np.abs(means - rate).max(), 6 * np.sqrt(rate * (1 - rate) / dropped.shape[axis])
            )

    def test_masks_of_different_keys_are_independent(self):
        keys = [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (0, 1), (1 << 30, 1), (1 | 1 << 10, 0)]
        dropped = np.array([~mask(*key, rate=0.5) for key in keys], np.float64) - 0.5
        correlations = np.einsum("irc,jrc->ij", dropped, dropped) / (0.25 * dropped[0].size)
        np.fill_diagonal(correlations, 0)
        self.assertLess(np.abs(correlations).max(), 5 / np.sqrt(dropped[0].size))

    def test_neighbours_in_a_mask_are_independent(self):
        dropped = (~mask(4, 6, rate=0.5)).ravel() - 0.5
        for distance in (1, 2, 3, 64, 768, 1536):
            correlation = (dropped[:-distance] * dropped[distance:]).mean() / 0.25
            self.assertLess(abs(correlation), 5 / np.sqrt(dropped.size))

    def test_equal_keys_give_equal_masks_and_each_word_of_the_key_counts(self):
        self.assertAllEqual(mask(3, 4), mask(3, 4))
        self.assertTrue((mask(3, 4) != mask(4, 3)).any())
        self.assertTrue((mask(3, 4) != mask(3, 5)).any())

    def test_what_is_kept_is_scaled_to_keep_the_mean(self):
        key = tf.constant([1, 2], tf.uint32)
        values = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
        received = np.asarray(drop(tf.constant(values), key, 0.25))
        kept = np.asarray(keep_mask(key, 3, 4, 0.25))
        self.assertTrue(kept.any())
        self.assertFalse(kept.all())
        self.assertAllClose(received, np.where(kept, values / 0.75, 0), rtol=1e-6, atol=0)

    def test_layer_draws_a_new_mask_each_call_and_by_its_state(self):
        layer = KeyedDropout(0.5, seed=8)
        values = np.ones((2, 5, 16), np.float32)
        self.assertAllEqual(layer(values, training=False), values)
        first, second = (np.asarray(layer(values, training=True)) for _ in range(2))
        self.assertEqual(set(np.unique(first)), {0, 2})
        self.assertTrue((first != second).any())
        layer.seed_generator.state.assign([8, 0])
        self.assertAllEqual(layer(values, training=True), first)
        state = [(layer.seed_generator.state, tf.constant([8, 1], tf.int64))]
        with keras.StatelessScope(state_mapping=state):
            self.assertAllEqual(layer(values, training=True), second)
        self.assertIsNone(KeyedDropout(0.0).key(training=True))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

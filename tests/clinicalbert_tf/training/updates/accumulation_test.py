"""Batches in parts: the cutting, the sums, the refusals."""

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.training.updates.accumulation import check_parts, sum_over_parts

BATCH = {
    "a": tf.constant(np.arange(24.0).reshape(6, 4), tf.float32),
    "b": tf.constant(np.arange(6), tf.int32),
}


def sums(parts, seen=None):
    def compute(features, part):
        if seen is not None:
            seen.append({name: value.shape for name, value in features.items()})
        weighted = features["a"] * tf.cast(features["b"], tf.float32)[:, None]
        return [tf.reduce_sum(weighted, axis=0), tf.cast(part, tf.float32)]

    @tf.function
    def run():
        return sum_over_parts(compute, BATCH, parts, lambda: [tf.zeros([4]), tf.zeros([])])

    return [value.numpy() for value in run()]


class AccumulationTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 2, 3, 6)
    def test_parts_add_up_to_the_whole_and_are_numbered(self, parts):
        total, numbers = sums(parts)
        self.assertAllClose(
            total, (np.arange(24.0).reshape(6, 4).T * np.arange(6)).sum(axis=1), rtol=1e-7, atol=0
        )
        self.assertEqual(numbers, sum(range(parts)))

    def test_parts_have_static_shapes_and_are_traced_once(self):
        seen = []
        sums(3, seen)
        self.assertEqual(seen, [{"a": tf.TensorShape([2, 4]), "b": tf.TensorShape([2])}])

    def test_batch_that_replicas_and_parts_do_not_divide_is_refused(self):
        check_parts(32, 2, 4)
        with self.assertRaisesRegex(
            ValueError, r"is 24 .*multiple of 16: .*\(2\).*\(8\).*example, 16"
        ):
            check_parts(24, 2, 8)
        with self.assertRaisesRegex(ValueError, r"is 4 .*multiple of 8.*example, 8"):
            check_parts(4, 1, 8)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

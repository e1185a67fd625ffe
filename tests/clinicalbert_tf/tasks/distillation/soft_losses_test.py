import numpy as np
import tensorflow as tf

from clinicalbert_tf.tasks.distillation.soft_losses import (
    soft_binary_cross_entropy,
    soft_cross_entropy,
    squared_error,
)

RNG = np.random.default_rng(5)
STUDENT, TEACHER = RNG.normal(0, 3, (2, 4, 5))


def softmax(logits):
    values = np.exp(logits - logits.max(-1, keepdims=True))
    return values / values.sum(-1, keepdims=True)


class SoftLossesTest(tf.test.TestCase):
    def test_divergence_is_the_formula_times_the_square_of_the_temperature(self):
        for temperature in (1.0, 2.5):
            p, q = softmax(TEACHER / temperature), softmax(STUDENT / temperature)
            expected = temperature**2 * (p * np.log(p / q)).sum(-1)
            made = soft_cross_entropy(STUDENT, TEACHER, temperature)
            self.assertAllClose(made, expected, rtol=1e-5)

    def test_equal_logits_have_no_divergence(self):
        for loss in (soft_cross_entropy, soft_binary_cross_entropy, squared_error):
            self.assertAllClose(loss(TEACHER, TEACHER, 2.0), np.zeros(4), atol=1e-5)

    def test_masked_choices_do_not_count(self):
        mask = np.arange(5) < 3
        made = soft_cross_entropy(STUDENT, TEACHER, 2.0, mask)
        self.assertAllClose(
            made, soft_cross_entropy(STUDENT[:, :3], TEACHER[:, :3], 2.0), rtol=1e-5
        )

    def test_independent_choices_are_summed(self):
        p, q = 1 / (1 + np.exp(-TEACHER / 2)), 1 / (1 + np.exp(-STUDENT / 2))
        expected = 4 * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).sum(-1)
        self.assertAllClose(soft_binary_cross_entropy(STUDENT, TEACHER, 2.0), expected, rtol=1e-4)

    def test_numbers_are_compared_by_their_square(self):
        self.assertAllClose(
            squared_error(STUDENT, TEACHER, 3.0), ((STUDENT - TEACHER) ** 2).mean(-1), rtol=1e-5
        )

    def test_gradient_keeps_its_size_at_high_temperatures(self):
        def norm(temperature):
            student = tf.Variable(STUDENT)
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(soft_cross_entropy(student, TEACHER, temperature))
            return float(tf.norm(tape.gradient(loss, student)))

        self.assertLess(abs(norm(40.0) / norm(20.0) - 1), 0.1)


if __name__ == "__main__":
    tf.test.main()

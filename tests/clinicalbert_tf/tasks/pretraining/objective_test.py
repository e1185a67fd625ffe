"""The objective against cases counted by hand."""

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.kernel_compiler import xla_kernel
from clinicalbert_tf.modeling.compilation import compiled_by
from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.training.objective import ENGINE_SUMS, batch_sums

LOG_2 = float(np.log(2.0))


def batch(example_weights=None):
    """Two examples, two predictions each; the second one's last prediction is padding."""
    features = {
        "padding_mask": tf.constant([[1, 1, 1], [1, 1, 0]]),
        "masked_lm_ids": tf.constant([[0, 1], [1, 0]]),
        "masked_lm_weights": tf.constant([[1.0, 1.0], [1.0, 0.0]]),
        "next_sentence_labels": tf.constant([0, 1]),
    }
    if example_weights is not None:
        features["example_weights"] = tf.constant(example_weights)
    return features


# Probabilities: masked words (1/2, 1/2), (1/4, 3/4); (1/2, 1/2), (3/4, 1/4).
# Next sentences: (3/4, 1/4) and (3/4, 1/4).
OUTPUTS = {
    "mlm_logits": tf.math.log([[[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.5], [0.75, 0.25]]]),
    "nsp_logits": tf.math.log([[0.75, 0.25], [0.75, 0.25]]),
}


def totals(objective, sums):
    """The sums by name, with those that the engine adds for two examples."""
    names = (*objective.sum_names, *ENGINE_SUMS)
    values = np.concatenate([sums, batch_sums(batch())])
    return dict(zip(names, values.astype(np.float64), strict=True))


class PretrainingObjectiveTest(tf.test.TestCase, parameterized.TestCase):
    def test_loss_is_weighted_by_predictions_and_averaged_over_examples(self):
        objective = PretrainingObjective()
        counts = objective.normalizers(batch())
        self.assertEqual(counts.numpy().tolist(), [3.0, 2.0])
        loss, sums = objective.loss_and_sums(OUTPUTS, batch(), counts)
        masked_lm = 2 * LOG_2 - np.log(0.75)
        next_sentence = -np.log(0.75) - np.log(0.25)
        self.assertAllClose(
            float(loss), masked_lm / (3 + 1e-5) + next_sentence / 2, rtol=1e-6, atol=0
        )
        # Ties go to class 0: right for the first masked word, wrong for the third.
        self.assertAllClose(sums, [masked_lm, 2, 3, next_sentence, 1], rtol=1e-6, atol=0)
        metrics = objective.metrics(totals(objective, sums))
        self.assertAllClose(metrics["masked_lm_loss"], masked_lm / (3 + 1e-5), rtol=1e-6, atol=0)
        self.assertAllClose(metrics["masked_lm_accuracy"], 2 / (3 + 1e-5), rtol=1e-6, atol=0)
        self.assertAllClose(metrics["next_sentence_loss"], next_sentence / 2, rtol=1e-6, atol=0)
        self.assertAllClose(metrics["next_sentence_accuracy"], 0.5, rtol=1e-6, atol=0)
        self.assertAllClose(metrics["loss"], float(loss), rtol=1e-6, atol=0)

    def test_shares_divide_by_the_global_counts(self):
        objective = PretrainingObjective()
        alone, _ = objective.loss_and_sums(OUTPUTS, batch(), objective.normalizers(batch()))
        share, _ = objective.loss_and_sums(OUTPUTS, batch(), 2 * objective.normalizers(batch()))
        self.assertAllClose(float(share), float(alone) / 2, rtol=1e-5, atol=0)

    def test_weightless_examples_count_nowhere(self):
        objective = PretrainingObjective()
        features = batch(example_weights=[1.0, 0.0])
        self.assertEqual(objective.normalizers(features).numpy().tolist(), [2.0, 1.0])
        _, sums = objective.loss_and_sums(OUTPUTS, features, objective.normalizers(features))
        expected = [LOG_2 - np.log(0.75), 2, 2, -np.log(0.75), 1]
        self.assertAllClose(sums, expected, rtol=1e-6, atol=0)
        self.assertAllEqual(batch_sums(features), [1, 3, 3])

    def test_batch_without_any_prediction_has_a_finite_loss(self):
        features = batch() | {"masked_lm_weights": tf.zeros([2, 2])}
        objective = PretrainingObjective()
        loss, sums = objective.loss_and_sums(OUTPUTS, features, objective.normalizers(features))
        self.assertTrue(np.isfinite(float(loss)))
        self.assertEqual(objective.metrics(totals(objective, sums))["masked_lm_loss"], 0.0)

    def test_masked_words_alone_leave_the_next_sentence_out_of_loss_sums_and_metrics(self):
        objective = PretrainingObjective("mlm")
        logits = {name: tf.Variable(values) for name, values in OUTPUTS.items()}
        with tf.GradientTape() as tape:
            loss, sums = objective.loss_and_sums(logits, batch(), objective.normalizers(batch()))
        masked_lm = 2 * LOG_2 - np.log(0.75)
        self.assertAllClose(float(loss), masked_lm / (3 + 1e-5), rtol=1e-6, atol=0)
        self.assertAllClose(sums, [masked_lm, 2, 3], rtol=1e-6, atol=0)
        self.assertLen(sums, len(objective.sum_names))
        gradients = tape.gradient(loss, logits)
        self.assertIsNone(gradients["nsp_logits"])
        self.assertGreater(np.abs(gradients["mlm_logits"]).sum(), 0)
        metrics = objective.metrics(totals(objective, sums))
        self.assertEqual(set(metrics), {"loss", "masked_lm_loss", "masked_lm_accuracy"})
        self.assertAllClose(metrics["loss"], float(loss), rtol=1e-6, atol=0)

    def test_masked_words_alone_train_neither_pooler_nor_next_sentence_head(self):
        names = ["bert/pooler/dense/kernel", "cls/seq_relationship/output_bias"]
        others = ["bert/embeddings/word_embeddings", "cls/predictions/output_bias"]
        self.assertFalse(any(map(PretrainingObjective("mlm").trains, names)))
        self.assertTrue(all(map(PretrainingObjective("mlm").trains, others)))
        self.assertTrue(all(map(PretrainingObjective().trains, names + others)))

    @parameterized.parameters(None, xla_kernel)
    def test_loss_and_gradient_equal_float64_however_improbable_the_label(self, compiler):
        random = np.random.default_rng(1)
        scale = np.array([0.0, 1e-3, 1.0, 10.0, 300.0])[:, None, None]
        logits = (random.normal(size=(5, 2, 700)) * scale).astype(np.float32)
        # The best label, and the worst.
        labels = np.stack([logits.argmax(-1)[:, 0], logits.argmin(-1)[:, 1]], axis=1)
        features = batch() | {
            "masked_lm_ids": tf.constant(labels, tf.int32),
            "masked_lm_weights": tf.constant(random.uniform(size=(5, 2)), tf.float32),
            "example_weights": tf.ones([5]),
        }
        objective = PretrainingObjective("mlm")

        @tf.function(autograph=False)
        def loss_sums_and_gradient(logits):
            with compiled_by(compiler), tf.GradientTape() as tape:
                tape.watch(logits)
                loss, sums = objective.loss_and_sums(
                    {"mlm_logits": logits}, features, objective.normalizers(features)
                )
            return loss, sums, tape.gradient(loss, logits)

        loss, sums, gradient = loss_sums_and_gradient(tf.constant(logits))
        weights = features["masked_lm_weights"].numpy().astype(np.float64)
        wide = logits.astype(np.float64) - logits.max(-1, keepdims=True)
        log_probabilities = wide - np.log(np.exp(wide).sum(-1, keepdims=True))
        losses = -np.take_along_axis(log_probabilities, labels[..., None], -1)[..., 0]
        share = weights[..., None] / (weights.sum() + 1e-5)
        right = np.arange(700) == labels[..., None]
        self.assertGreater(losses.max(), 1000)
        self.assertAllClose(float(loss), (share[..., 0] * losses).sum(), rtol=1e-6, atol=0)
        hits = weights * (logits.argmax(-1) == labels)
        self.assertAllClose(sums[1], hits.sum(), rtol=1e-6, atol=0)
        self.assertAllClose(
            gradient, share * (np.exp(log_probabilities) - right), rtol=1e-5, atol=1e-8
        )

    def test_unknown_objective_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"mlm_nsp, mlm, received 'nsp'\. Give .*--objective"
        ):
            PretrainingObjective("nsp")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

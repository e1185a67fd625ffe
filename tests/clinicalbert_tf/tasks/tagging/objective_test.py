import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.modeling import crf
from clinicalbert_tf.tasks.tagging.losses import number_of_outputs
from clinicalbert_tf.tasks.tagging.objective import TaggingObjective

LABELS = 3


def batch_of(tags, weights=None):
    tags = np.array(tags, np.int32)
    batch = {
        "tags": tf.constant(tags),
        "reference_label_ids": tf.constant(np.arange(tags.size).reshape(tags.shape) % 7),
        "padding_mask": tf.ones(tags.shape, tf.int32),
    }
    if weights is not None:
        batch["example_weights"] = tf.constant(weights, tf.float32)
    return batch


def cross_entropy(logits, label):
    return np.log(np.exp(logits).sum()) - logits[label]


class TaggingObjectiveTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.logits = np.random.default_rng(0).normal(size=(3, 4, 7)).astype("float32")
        # Tags are label ids plus 1; 0 is no word. The last example is a filler.
        self.tags = [[0, 1, 0, 3], [0, 2, 2, 0], [0, 1, 1, 1]]
        self.weights = [1.0, 1.0, 0.0]

    def loss(self, objective, outputs, batch, normalizers=None):
        if normalizers is None:
            normalizers = objective.normalizers(batch)
        return objective.loss_and_sums(outputs, batch, normalizers)

    def test_loss_is_the_mean_over_words_of_real_examples(self):
        objective = TaggingObjective(LABELS)
        logits = self.logits[:, :, :LABELS]
        batch = batch_of(self.tags, self.weights)
        loss, sums = self.loss(objective, {"logits": tf.constant(logits)}, batch)
        words = [(0, 1, 0), (0, 3, 2), (1, 1, 1), (1, 2, 1)]
        expected = [cross_entropy(logits[row, place], label) for row, place, label in words]
        self.assertAllClose(loss, np.mean(expected), atol=1e-5)
        right = sum(logits[row, place].argmax() == label for row, place, label in words)
        totals = dict(zip(objective.sum_names, sums.numpy(), strict=True)) | {"examples": 2.0}
        metrics = objective.metrics({k: np.float64(v) for k, v in totals.items()})
        self.assertAllClose(metrics["loss"], np.mean(expected), atol=1e-5)
        self.assertAllClose(metrics["tag_accuracy"], right / 4)

    def test_parts_of_a_step_add_up_to_the_whole(self):
        objective = TaggingObjective(LABELS, label_weights=[1.0, 2.0, 0.5])
        outputs = {"logits": tf.constant(self.logits[:, :, :LABELS])}
        batch = batch_of(self.tags, self.weights)
        whole, _ = self.loss(objective, outputs, batch)
        parts = [
            ({"logits": outputs["logits"][a:b]}, {k: v[a:b] for k, v in batch.items()})
            for a, b in ((0, 1), (1, 3))
        ]
        normalizers = sum(objective.normalizers(part) for _, part in parts)
        total = sum(self.loss(objective, out, part, normalizers)[0] for out, part in parts)
        self.assertAllClose(total, whole, atol=1e-6)

    def test_label_weights(self):
        objective = TaggingObjective(LABELS, label_weights=[1.0, 4.0, 0.5])
        logits = self.logits[:1, :, :LABELS]
        batch = batch_of([[0, 1, 2, 3]])
        loss, _ = self.loss(objective, {"logits": tf.constant(logits)}, batch)
        losses = [cross_entropy(logits[0, place], place - 1) for place in (1, 2, 3)]
        self.assertAllClose(loss, np.average(losses, weights=[1.0, 4.0, 0.5]), atol=1e-5)

    @parameterized.parameters(False, True)
    def test_a_batch_without_any_word_has_loss_and_gradient_zero(self, with_crf):
        objective = TaggingObjective(LABELS, crf=with_crf)
        logits = tf.Variable(self.logits[:2, :, :LABELS])
        scores = dict.fromkeys(("crf_begin", "crf_end"), tf.zeros(LABELS))
        scores["crf_follow"] = tf.zeros((LABELS, LABELS))
        batch = batch_of([[0] * 4] * 2)
        with tf.GradientTape() as tape:
            loss, sums = self.loss(objective, {"logits": logits, **scores}, batch)
        self.assertEqual(float(loss), 0.0)
        self.assertAllEqual(tape.gradient(loss, logits), np.zeros((2, 4, LABELS)))
        totals = dict(zip(objective.sum_names, sums.numpy(), strict=True)) | {"examples": 2.0}
        metrics = objective.metrics({k: np.float64(v) for k, v in totals.items()})
        self.assertEqual(float(metrics["loss"]), 0.0)

    def test_reference_loss_is_the_sum_over_all_tokens(self):
        objective = TaggingObjective(LABELS, loss="reference")
        self.assertEqual(number_of_outputs(LABELS, "reference"), 7)
        batch = batch_of(self.tags, self.weights)
        loss, _ = self.loss(objective, {"logits": tf.constant(self.logits)}, batch)
        labels = batch["reference_label_ids"].numpy()
        expected = sum(
            cross_entropy(self.logits[row, place], labels[row, place])
            for row in range(2)
            for place in range(4)
        )
        self.assertAllClose(loss, expected, rtol=1e-5)
        # Labels of words stand behind padding; what is predicted is always one of them.
        found = objective.predictions({"logits": tf.constant(self.logits)}, batch)["logits"]
        self.assertAllEqual(found, self.logits[:, :, 1:4])

    def test_crf_loss_is_the_negative_log_likelihood_over_words(self):
        objective = TaggingObjective(LABELS, crf=True)
        generator = np.random.default_rng(5)
        scores = [generator.normal(size=s).astype("float32") for s in ((3,), (3, 3), (3,))]
        names = ("crf_begin", "crf_follow", "crf_end")
        logits = self.logits[:, :, :LABELS]
        batch = batch_of(self.tags, self.weights)
        outputs = {"logits": tf.constant(logits), **dict(zip(names, scores, strict=True))}
        loss, _ = self.loss(objective, outputs, batch)
        tags = np.array(self.tags)
        likelihoods = crf.log_likelihood(logits, tags - 1, tags > 0, *scores)
        self.assertAllClose(loss, -(likelihoods[0] + likelihoods[1]) / 4, atol=1e-5)

    @parameterized.parameters(
        ({"loss": "mean"}, "--loss"),
        ({"loss": "reference", "crf": True}, "--crf"),
        ({"label_weights": [1.0, 2.0]}, "3 labels"),
        ({"label_weights": [1.0, 2.0, 0.0]}, "positive"),
    )
    def test_wrong_settings(self, settings, message):
        with self.assertRaisesRegex(ValueError, message):
            TaggingObjective(LABELS, **settings)


if __name__ == "__main__":
    tf.test.main()

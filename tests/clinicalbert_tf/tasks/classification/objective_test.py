"""Losses of classification against slow versions, and over any division of the global step."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.tasks.classification.objective import ClassificationObjective


def batch_of(targets, has_target=None, weights=None):
    count = len(targets)
    batch = {
        "targets": tf.constant(targets),
        "has_target": tf.constant(has_target or [1.0] * count, tf.float32),
        "padding_mask": tf.ones([count, 3], tf.int32),
    }
    if weights is not None:
        batch["example_weights"] = tf.constant(weights, tf.float32)
    return batch


def loss_of(objective, logits, batch):
    normalizers = objective.normalizers(batch)
    loss, sums = objective.loss_and_sums(
        {"logits": tf.constant(logits, tf.float32)}, batch, normalizers
    )
    totals = dict(zip(objective.sum_names, sums.numpy().astype(float), strict=True))
    return float(loss), objective.metrics({k: np.array(v) for k, v in totals.items()})


LOGITS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


class ObjectiveTest(tf.test.TestCase, parameterized.TestCase):
    def test_one_label_is_the_weighted_mean_of_the_cross_entropies(self):
        weights = np.array([1.0, 2.0, 0.5])
        targets = np.array([0, 2, 1, 1], np.int32)
        losses = -(LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True)))[np.arange(4), targets]
        expected = (losses * weights[targets]).sum() / weights[targets].sum()
        objective = ClassificationObjective("single", weights)
        loss, metrics = loss_of(objective, LOGITS, batch_of(targets))
        self.assertAllClose(loss, expected, rtol=1e-6)
        self.assertAllClose(metrics["loss"], expected, rtol=1e-6)
        self.assertAllClose(metrics["accuracy"], np.mean(LOGITS.argmax(1) == targets))

    def test_weights_and_smoothing_equal_torch(self):
        torch = __import__("pytest").importorskip("torch")
        targets = np.array([0, 2, 1, 1])
        expected = torch.nn.functional.cross_entropy(
            torch.tensor(LOGITS), torch.tensor(targets), label_smoothing=0.2
        )
        objective = ClassificationObjective("single", (1.0, 1.0, 1.0), 0.2)
        loss, _ = loss_of(objective, LOGITS, batch_of(targets.astype(np.int32)))
        self.assertAllClose(loss, float(expected), rtol=1e-5)

    def test_several_labels_are_the_mean_of_all_sigmoid_cross_entropies(self):
        targets = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], np.float32)
        p = 1 / (1 + np.exp(-LOGITS))
        cells = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
        weights = np.array([1.0, 3.0, 2.0])
        expected = (cells * weights).sum() / (4 * weights.sum())
        loss, metrics = loss_of(
            ClassificationObjective("multi", weights), LOGITS, batch_of(targets)
        )
        self.assertAllClose(loss, expected, rtol=1e-5)
        right = ((p > 0.5) == (targets > 0.5)).all(axis=1).mean()
        self.assertAllClose(metrics["accuracy"], right)

    def test_numbers_have_the_mean_squared_error(self):
        objective = ClassificationObjective("regression")
        loss, metrics = loss_of(objective, [[1.0], [4.0]], batch_of([2.0, 2.0]))
        self.assertAllClose(loss, 2.5)
        self.assertNotIn("accuracy", metrics)

    def test_examples_without_a_label_and_fillers_weigh_nothing(self):
        objective = ClassificationObjective("single", (1.0, 1.0, 1.0))
        expected, _ = loss_of(objective, LOGITS[:2], batch_of(np.array([0, 2], np.int32)))
        batch = batch_of(np.array([0, 2, -1, 1], np.int32), [1.0, 1.0, 0.0, 1.0], [1, 1, 1, 0])
        loss, metrics = loss_of(objective, LOGITS, batch)
        self.assertAllClose(loss, expected)
        self.assertAllClose(metrics["loss"], expected)

    def test_a_batch_without_any_label_has_loss_0(self):
        objective = ClassificationObjective("single", (1.0, 1.0, 1.0))
        loss, _ = loss_of(objective, LOGITS, batch_of(np.array([-1] * 4, np.int32), [0.0] * 4))
        self.assertEqual(loss, 0.0)

    @parameterized.parameters("single", "multi", "regression")
    def test_loss_does_not_depend_on_how_the_step_is_divided(self, problem_type):
        targets = {
            "single": np.array([0, 0, 2, 1], np.int32),
            "multi": np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], np.float32),
            "regression": np.array([0.0, 1.0, 5.0, 2.0], np.float32),
        }[problem_type]
        logits = LOGITS[:, :1] if problem_type == "regression" else LOGITS
        weights = () if problem_type == "regression" else (1.0, 10.0, 3.0)
        objective = ClassificationObjective(problem_type, weights)
        whole, _ = loss_of(objective, logits, batch_of(targets))
        parts = [slice(0, 1), slice(1, 4)]
        batches = [batch_of(targets[part]) for part in parts]
        normalizers = sum(objective.normalizers(batch) for batch in batches)
        divided = sum(
            float(
                objective.loss_and_sums({"logits": tf.constant(logits[part])}, batch, normalizers)[
                    0
                ]
            )
            for part, batch in zip(parts, batches, strict=True)
        )
        self.assertAllClose(divided, whole, rtol=1e-6)


if __name__ == "__main__":
    tf.test.main()

import numpy as np
import tensorflow as tf

from clinicalbert_tf.tasks.question_answering.objective import SpanObjective

LENGTHS = np.array([6, 4, 5])


def batch_of(length, weights=(1.0, 1.0, 1.0)):
    return {
        "padding_mask": tf.constant((np.arange(length) < LENGTHS[:, None]).astype(np.int32)),
        "start_positions": tf.constant([3, 0, 2]),
        "end_positions": tf.constant([5, 0, 2]),
        "target_weights": tf.constant(weights, tf.float32),
    }


def logits_of(length, seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 2, (2, 3, 6)).astype(np.float32)
    padded = np.full((2, 3, length), 7.0, np.float32)
    padded[:, :, :6] = values
    return {"start_logits": tf.constant(padded[0]), "end_logits": tf.constant(padded[1])}


def slow_loss(logits, batch, mask_padding, weights=(1, 1, 1)):
    """The reference's formula with one hot vectors, an example after the other."""
    total = 0.0
    for side in ("start", "end"):
        for row, weight in enumerate(weights):
            scores = np.asarray(logits[f"{side}_logits"][row], np.float64)
            if mask_padding:
                scores = scores[: LENGTHS[row]]
            log_probs = scores - np.log(np.exp(scores).sum())
            total -= weight * log_probs[int(batch[f"{side}_positions"][row])]
    return total / sum(weights) / 2


class SpanObjectiveTest(tf.test.TestCase):
    def _loss(self, objective, logits, batch):
        return objective.loss_and_sums(logits, batch, objective.normalizers(batch))

    def test_loss_is_the_mean_of_two_cross_entropies(self):
        for mask_padding in (True, False):
            objective = SpanObjective(mask_padding)
            loss, _ = self._loss(objective, logits_of(9), batch_of(9))
            expected = slow_loss(logits_of(9), batch_of(9), mask_padding)
            self.assertAllClose(loss, expected, rtol=1e-6)

    def test_padding_does_not_change_the_loss(self):
        objective = SpanObjective()
        short, _ = self._loss(objective, logits_of(6), batch_of(6))
        long, _ = self._loss(objective, logits_of(30), batch_of(30))
        self.assertAllClose(short, long, rtol=1e-7)
        unmasked = SpanObjective(mask_padding=False)
        self.assertNotAllClose(short, self._loss(unmasked, logits_of(30), batch_of(30))[0])

    def test_windows_without_a_target_do_not_count(self):
        weights = (1.0, 0.0, 1.0)
        loss, sums = self._loss(SpanObjective(), logits_of(6), batch_of(6, weights))
        self.assertAllClose(loss, slow_loss(logits_of(6), batch_of(6), True, weights), rtol=1e-6)
        self.assertEqual(float(sums[-1]), 2.0)

    def test_batch_without_any_target_gives_zero_and_unknown_metrics(self):
        objective = SpanObjective()
        loss, sums = self._loss(objective, logits_of(6), batch_of(6, (0.0, 0.0, 0.0)))
        self.assertEqual(float(loss), 0.0)
        totals = dict(zip(objective.sum_names, sums.numpy().astype(np.float64), strict=True))
        self.assertTrue(np.isnan(objective.metrics(totals)["loss"]))

    def test_fillers_do_not_count(self):
        batch = batch_of(6) | {"example_weights": tf.constant([1.0, 1.0, 0.0])}
        loss, _ = self._loss(SpanObjective(), logits_of(6), batch)
        self.assertAllClose(loss, slow_loss(logits_of(6), batch, True, (1, 1, 0)), rtol=1e-6)

    def test_metrics_are_those_of_hand_counts(self):
        objective = SpanObjective()
        logits = {
            "start_logits": tf.one_hot([3, 1, 2], 6) * 9,
            "end_logits": tf.one_hot([5, 0, 1], 6) * 9,
        }
        _, sums = self._loss(objective, logits, batch_of(6))
        totals = dict(zip(objective.sum_names, sums.numpy().astype(np.float64), strict=True))
        metrics = objective.metrics(totals)
        self.assertAllClose(metrics["start_accuracy"], 2 / 3)
        self.assertAllClose(metrics["end_accuracy"], 2 / 3)
        self.assertAllClose(metrics["span_accuracy"], 1 / 3)

    def test_pooler_is_not_trained(self):
        self.assertFalse(SpanObjective().trains("bert/pooler/dense/kernel"))
        self.assertTrue(SpanObjective().trains("cls/squad/output_weights"))


if __name__ == "__main__":
    tf.test.main()

import numpy as np
import tensorflow as tf

from clinicalbert_tf.tasks.distillation.objective import DistillationObjective
from clinicalbert_tf.tasks.distillation.soft_losses import soft_cross_entropy
from clinicalbert_tf.tasks.distillation.targets import soft_target
from clinicalbert_tf.tasks.question_answering.objective import SpanObjective

LENGTHS = np.array([6, 4])


def batch_of(length=6, **more):
    return {
        "padding_mask": tf.constant((np.arange(length) < LENGTHS[:, None]).astype(np.int32)),
        "start_positions": tf.constant([3, 0]),
        "end_positions": tf.constant([5, 0]),
        "target_weights": tf.constant([1.0, 1.0]),
        **more,
    }


def logits(seed, prefix=""):
    values = np.random.default_rng(seed).normal(0, 2, (2, 2, 6)).astype(np.float32)
    return {f"{prefix}start_logits": values[0], f"{prefix}end_logits": values[1]}


def loss_of(objective, outputs, batch):
    return objective.loss_and_sums(outputs, batch, objective.normalizers(batch))


class DistillationObjectiveTest(tf.test.TestCase):
    def _objective(self, soft_weight, temperature=2.0):
        return DistillationObjective(SpanObjective(), soft_target("span"), temperature, soft_weight)

    def test_losses_are_weighted(self):
        batch = batch_of(**logits(2, "teacher_"))
        own, _ = loss_of(SpanObjective(), logits(1), batch)
        soft, _ = loss_of(self._objective(1.0), logits(1), batch)
        both, sums = loss_of(self._objective(0.25), logits(1), batch)
        self.assertAllClose(both, 0.25 * soft + 0.75 * own, rtol=1e-5)
        totals = dict(zip(self._objective(0.25).sum_names, sums.numpy(), strict=True))
        metrics = self._objective(0.25).metrics({k: np.float64(v) for k, v in totals.items()})
        self.assertAllClose(metrics["loss"], both, rtol=1e-5)
        self.assertAllClose(metrics["soft_loss"], soft, rtol=1e-5)
        self.assertAllClose(metrics["label_loss"], own, rtol=1e-5)

    def test_soft_loss_of_spans_is_over_the_positions_that_are_there(self):
        student, teacher = logits(1), logits(2, "teacher_")
        soft, _ = loss_of(self._objective(1.0), student, batch_of(**teacher))
        expected = []
        for row, length in enumerate(LENGTHS):
            for side in ("start", "end"):
                of_student = student[f"{side}_logits"][row, :length]
                of_teacher = teacher[f"teacher_{side}_logits"][row, :length]
                expected.append(soft_cross_entropy(of_student, of_teacher, 2.0))
        self.assertAllClose(soft, np.mean(expected), rtol=1e-5)

    def test_evaluations_have_the_labels_alone(self):
        objective = self._objective(0.9)
        loss, sums = loss_of(objective, logits(1), batch_of())
        self.assertAllClose(loss, loss_of(SpanObjective(), logits(1), batch_of())[0])
        totals = dict(zip(objective.sum_names, sums.numpy().astype(np.float64), strict=True))
        metrics = objective.metrics(totals)
        self.assertNotIn("soft_loss", metrics)
        self.assertAllClose(metrics["loss"], loss, rtol=1e-6)

    def test_tagger_compares_every_token_and_no_padding(self):
        class Zero:
            model_inputs, sum_names = (), ()
            normalizers = staticmethod(lambda batch: tf.zeros([0]))
            loss_and_sums = staticmethod(lambda *_: (tf.zeros([]), tf.zeros([0])))

        rng = np.random.default_rng(3)
        student, teacher = rng.normal(0, 2, (2, 2, 6, 3)).astype(np.float32)
        batch = {"padding_mask": batch_of()["padding_mask"], "teacher_logits": teacher}
        objective = DistillationObjective(Zero(), soft_target("tagger"), 1.5, 1.0)
        soft, _ = loss_of(objective, {"logits": student}, batch)
        kept = [(row, at) for row, length in enumerate(LENGTHS) for at in range(length)]
        expected = [soft_cross_entropy(student[k], teacher[k], 1.5) for k in kept]
        self.assertAllClose(soft, np.mean(expected), rtol=1e-5)


if __name__ == "__main__":
    tf.test.main()

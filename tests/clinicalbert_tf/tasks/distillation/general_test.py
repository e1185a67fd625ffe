import dataclasses
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.modeling.distilled_pretraining import DistilledPretrainingModel
from clinicalbert_tf.tasks.distillation.general import run_general_distillation
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining
from tests import support

RNG = np.random.default_rng(2)
LENGTHS = np.array([[7], [4]])
INPUTS = {
    "token_ids": RNG.integers(5, 100, (2, 7)),
    "segment_ids": np.zeros((2, 7), np.int64),
    "padding_mask": (np.arange(7) < LENGTHS).astype(np.int64),
    "mask_positions": np.array([[1, 2], [3, 0]]),
}


def build(**changes):
    return build_pretraining_model(dataclasses.replace(support.small_config(), **changes))


class GeneralDistillationTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)
        self.teacher = build(num_hidden_layers=2)

    def test_outputs_are_those_of_student_and_teacher(self):
        student = build(num_hidden_layers=1)
        model = DistilledPretrainingModel(student, self.teacher, (1,))
        made = model(INPUTS)
        self.assertAllClose(made["mlm_logits"], student(INPUTS)["mlm_logits"], rtol=0, atol=1e-6)
        self.assertAllClose(made["nsp_logits"], student(INPUTS)["nsp_logits"], rtol=0, atol=1e-6)
        self.assertAllClose(
            made["teacher_mlm_logits"], self.teacher(INPUTS)["mlm_logits"], rtol=0, atol=1e-6
        )

    def test_distances_are_the_mean_squares_over_tokens(self):
        student = build(num_hidden_layers=1)
        model = DistilledPretrainingModel(student, self.teacher, (1,))
        made = model(INPUTS)
        backbones = (student.backbone, self.teacher.backbone)
        inputs = {name: tf.constant(INPUTS[name]) for name in student.backbone.input}
        ours, theirs = (backbone(inputs)["sequence_output"].numpy() for backbone in backbones)
        for row, (length,) in enumerate(LENGTHS):
            expected = ((ours - theirs)[row, :length] ** 2).mean()
            self.assertAllClose(made["hidden_distance"][row], expected, rtol=1e-4, atol=0)
        self.assertTrue((np.asarray(made["attention_distance"]) > 0).all())

    def test_student_equal_to_its_teacher_has_no_distance(self):
        student = build(num_hidden_layers=2)
        student.set_weights(self.teacher.get_weights())
        made = DistilledPretrainingModel(student, self.teacher, (0, 1))(INPUTS)
        self.assertAllClose(made["hidden_distance"], [0, 0], rtol=0, atol=1e-8)
        self.assertAllClose(made["attention_distance"], [0, 0], rtol=0, atol=1e-8)

    def test_teacher_is_not_among_the_weights_and_has_no_gradient(self):
        student = build(num_hidden_layers=1, hidden_size=12, num_attention_heads=3)
        model = DistilledPretrainingModel(student, self.teacher, (1,))
        self.assertLen(model.weights, len(student.weights) + 2)
        with tf.GradientTape() as tape:
            made = model(INPUTS, training=True)
            loss = tf.reduce_sum(made["hidden_distance"] + made["attention_distance"])
        teachers = [weight.value for weight in self.teacher.trainable_weights]
        ours = [model.hidden_projection.kernel.value, model.attention_projection.kernel.value]
        gradients = tape.gradient(loss, teachers + ours)
        self.assertTrue(all(gradient is None for gradient in gradients[: len(teachers)]))
        self.assertTrue(all(np.abs(gradient).max() > 0 for gradient in gradients[len(teachers) :]))

    @pytest.mark.large
    def test_run_leaves_a_folder_of_pretraining(self):
        run_folder = pathlib.Path(self.get_temp_dir())
        folder, records = run_folder / "teacher", support.golden_records(run_folder)
        write_tf1_checkpoint(self.teacher, folder / "bert_model.ckpt")
        dataclasses.replace(support.small_config(), num_hidden_layers=2).write(
            str(folder / "bert_config.json")
        )
        given = {
            "input_file": records, "eval_file": records, "do_eval": True,
            "max_eval_steps": 1,
            "train_batch_size": 4, "num_train_steps": 2, "num_warmup_steps": 0, "report": False,
            "output_dir": str(run_folder / "student"), "peak_tflops": 1.0,
        }  # fmt: skip
        asked = DistillationSettings(teacher=str(folder), layers=(1,))
        results = run_general_distillation(PretrainingSettings(**given), asked)
        wanted = {"loss", "masked_lm_loss", "soft_loss", "hidden_distance", "attention_distance"}
        self.assertLessEqual(wanted, set(results["train"]))
        record = json.loads((run_folder / "student/run.json").read_text())
        self.assertEqual(record["task"]["distillation"]["layers"], [1])
        source = open_checkpoint(str(run_folder / "student"))
        self.assertEqual(source.config.num_hidden_layers, 1)
        self.assertFalse(any(name.startswith("distillation") for name in source.tensors))
        again = PretrainingSettings(**{**given, "do_train": False})
        found = run_pretraining(again)["eval"]
        self.assertAllClose(
            found["masked_lm_loss"], results["eval"]["masked_lm_loss"], rtol=1e-5, atol=0
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

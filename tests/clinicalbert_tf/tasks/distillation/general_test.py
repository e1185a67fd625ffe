import dataclasses
import json

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

RNG = np.random.default_rng(2)
LENGTHS = np.array([[7], [4]])
INPUTS = {
    "token_ids": RNG.integers(5, 100, (2, 7)),
    "segment_ids": np.zeros((2, 7), np.int64),
    "padding_mask": (np.arange(7) < LENGTHS).astype(np.int64),
    "mask_positions": np.array([[1, 2], [3, 0]]),
}


@pytest.fixture
def models(small_config):
    def build(**changes):
        return build_pretraining_model(dataclasses.replace(small_config, **changes))

    keras.utils.set_random_seed(1)
    return build(num_hidden_layers=2), build


def test_outputs_are_those_of_student_and_teacher(models):
    teacher, build = models
    student = build(num_hidden_layers=1)
    model = DistilledPretrainingModel(student, teacher, (1,))
    made = model(INPUTS)
    np.testing.assert_allclose(made["mlm_logits"], student(INPUTS)["mlm_logits"], atol=1e-6)
    np.testing.assert_allclose(made["nsp_logits"], student(INPUTS)["nsp_logits"], atol=1e-6)
    np.testing.assert_allclose(made["teacher_mlm_logits"], teacher(INPUTS)["mlm_logits"], atol=1e-6)


def test_distances_are_the_mean_squares_over_tokens(models):
    teacher, build = models
    student = build(num_hidden_layers=1)
    model = DistilledPretrainingModel(student, teacher, (1,))
    made = model(INPUTS)
    backbones = (student.backbone, teacher.backbone)
    inputs = {name: tf.constant(INPUTS[name]) for name in student.backbone.input}
    ours, theirs = (backbone(inputs)["sequence_output"].numpy() for backbone in backbones)
    for row, (length,) in enumerate(LENGTHS):
        expected = ((ours - theirs)[row, :length] ** 2).mean()
        np.testing.assert_allclose(made["hidden_distance"][row], expected, rtol=1e-4)
    assert (np.asarray(made["attention_distance"]) > 0).all()


def test_student_equal_to_its_teacher_has_no_distance(models):
    teacher, build = models
    student = build(num_hidden_layers=2)
    student.set_weights(teacher.get_weights())
    made = DistilledPretrainingModel(student, teacher, (0, 1))(INPUTS)
    np.testing.assert_allclose(made["hidden_distance"], 0, atol=1e-8)
    np.testing.assert_allclose(made["attention_distance"], 0, atol=1e-8)


def test_teacher_is_not_among_the_weights_and_has_no_gradient(models):
    teacher, build = models
    student = build(num_hidden_layers=1, hidden_size=12, num_attention_heads=3)
    model = DistilledPretrainingModel(student, teacher, (1,))
    assert len(model.weights) == len(student.weights) + 2
    with tf.GradientTape() as tape:
        made = model(INPUTS, training=True)
        loss = tf.reduce_sum(made["hidden_distance"] + made["attention_distance"])
    teachers = [weight.value for weight in teacher.trainable_weights]
    ours = [model.hidden_projection.kernel.value, model.attention_projection.kernel.value]
    gradients = tape.gradient(loss, teachers + ours)
    assert all(gradient is None for gradient in gradients[: len(teachers)])
    assert all(np.abs(gradient).max() > 0 for gradient in gradients[len(teachers) :])


def test_run_leaves_a_folder_of_pretraining(models, small_config, golden_records, tmp_path):
    teacher, _ = models
    folder = tmp_path / "teacher"
    write_tf1_checkpoint(teacher, folder / "bert_model.ckpt")
    dataclasses.replace(small_config, num_hidden_layers=2).write(str(folder / "bert_config.json"))
    given = {
        "input_file": golden_records, "eval_file": golden_records, "do_eval": True,
        "max_eval_steps": 1,
        "train_batch_size": 4, "num_train_steps": 2, "num_warmup_steps": 0, "report": False,
        "output_dir": str(tmp_path / "student"), "peak_tflops": 1.0,
    }  # fmt: skip
    asked = DistillationSettings(teacher=str(folder), layers=(1,))
    results = run_general_distillation(PretrainingSettings(**given), asked)
    wanted = {"loss", "masked_lm_loss", "soft_loss", "hidden_distance", "attention_distance"}
    assert wanted <= set(results["train"])
    record = json.loads((tmp_path / "student/run.json").read_text())
    assert record["task"]["distillation"]["layers"] == [1]
    source = open_checkpoint(str(tmp_path / "student"))
    assert source.config.num_hidden_layers == 1
    assert not any(name.startswith("distillation") for name in source.tensors)
    again = PretrainingSettings(**{**given, "do_train": False})
    found = run_pretraining(again)["eval"]
    assert found["masked_lm_loss"] == pytest.approx(results["eval"]["masked_lm_loss"], rel=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

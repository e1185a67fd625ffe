"""The optimizer that settings ask for, and whole runs with it: resumed, refused."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining
from clinicalbert_tf.training.states.checkpoints import (
    newest_state,
    remove_checkpoint,
    saved_states,
)
from clinicalbert_tf.training.updates.lamb import Lamb
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay
from clinicalbert_tf.training.updates.update_rules import build_optimizer
from tests import support


def tensors(output_dir):
    state = newest_state(output_dir)
    reader = tf.train.load_checkpoint(state.prefix)
    return state, {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


class UpdateRulesTest(tf.test.TestCase, parameterized.TestCase):
    def settings(self):
        """Everything that saves memory or precision at once, with dropout."""
        folder = pathlib.Path(self.get_temp_dir())
        config = dataclasses.replace(support.small_config(), hidden_dropout_prob=0.2)
        (folder / "bert_config.json").write_text(config.to_json_string())
        return PretrainingSettings(
            input_file=support.golden_records(folder),
            output_dir=str(folder / "run"),
            bert_config_file=str(folder / "bert_config.json"),
            train_batch_size=8,
            num_train_steps=6,
            num_warmup_steps=1,
            save_checkpoints_steps=2,
            learning_rate=1e-3,
            optimizer="lamb",
            precision="mixed_float16",
            gradient_accumulation_steps=2,
            recompute=True,
            report=False,
            peak_tflops=1.0,
        )

    @parameterized.parameters(
        ("adamw", "float32", AdamWeightDecay, False),
        ("adamw", "mixed_bfloat16", AdamWeightDecay, False),
        ("lamb", "mixed_float16", Lamb, True),
    )
    def test_optimizer_is_the_one_asked_for(self, optimizer, precision, kind, scaled):
        settings = PretrainingSettings(
            input_file="records", output_dir="out", optimizer=optimizer, precision=precision
        )
        model = build_pretraining_model(support.small_config(), dtype=precision)
        made = build_optimizer(settings, model, PretrainingObjective())
        self.assertIs(type(made), kind)
        self.assertIs(made.loss_scale is not None, scaled)
        self.assertTrue(all(variable.dtype == tf.float32 for variable in made.variables))

    @pytest.mark.large
    def test_resumed_float16_run_equals_the_undisturbed_one(self):
        settings = self.settings()
        run_pretraining(settings)
        state, whole = tensors(settings.output_dir)
        self.assertAllClose(
            state.content["loss_scale"]["good_steps"]
            + state.content["loss_scale"]["skipped_steps"],
            6,
            rtol=1e-6,
            atol=0,
        )
        for later in saved_states(settings.output_dir)[1:]:
            remove_checkpoint(later.prefix)
        self.assertEqual(newest_state(settings.output_dir).step, 2)
        run_pretraining(settings)
        resumed_state, resumed = tensors(settings.output_dir)
        self.assertEqual(resumed_state.content["loss_scale"], state.content["loss_scale"])
        self.assertEqual(set(resumed), set(whole))
        for name, value in whole.items():
            self.assertAllEqual(resumed[name], value, msg=name)
        self.assertEqual(whole["bert/pooler/dense/kernel/adam_m"].dtype, np.float32)
        record = json.loads((pathlib.Path(settings.output_dir) / "run.json").read_text())
        self.assertEqual(record["settings"]["optimizer"], "lamb")
        with self.assertRaisesRegex(ValueError, "optimizer was 'lamb', is now 'adamw'"):
            run_pretraining(dataclasses.replace(settings, optimizer="adamw"))
        with self.assertRaisesRegex(ValueError, "precision was 'mixed_float16', is now 'float32'"):
            run_pretraining(dataclasses.replace(settings, precision="float32"))

    def test_parts_that_do_not_divide_the_batch_are_refused_before_anything_is_made(self):
        settings = dataclasses.replace(self.settings(), gradient_accumulation_steps=3)
        with self.assertRaisesRegex(ValueError, r"multiple of 3: replicas \(1\)"):
            run_pretraining(settings)
        self.assertFalse(pathlib.Path(settings.output_dir).exists())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

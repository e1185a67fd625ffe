"""Differential privacy through the whole engine, on the task of forty lines."""

import json
import pathlib

import pytest
import tensorflow as tf
from absl.testing import parameterized
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.updates.privacy_loss import epsilon
from tests.clinicalbert_tf.tasks import toy_task as toy

pytest.importorskip("dp_accounting")

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large
STEPS = 4
SETTINGS = {
    "train_batch_size": 8, "num_train_steps": STEPS, "num_warmup_steps": 1, "learning_rate": 1e-3,
    "shuffle_buffer": 64, "do_eval": False, "peak_tflops": 1.0, "report": False,
}  # fmt: skip


def train(folder, **changes):
    settings = toy.ToySettings(output_dir=str(folder), **{**SETTINGS, **changes})
    run_training(toy.ToyTask(), settings)
    return json.loads((folder / "run.json").read_text())


def weights(folder):
    reader = tf.train.load_checkpoint(str(folder / f"model.ckpt-{STEPS}"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def scalars(folder, tag):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return [event.value for event in events.Scalars(tag)]


class PrivateRunTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    def test_no_noise_and_a_huge_clip_equal_plain_training(self):
        train(self.folder / "plain")
        record = train(self.folder / "private", dp_noise_multiplier=0.0, dp_clip_norm=1e9)
        plain, private = weights(self.folder / "plain"), weights(self.folder / "private")
        self.assertEqual(plain.keys(), private.keys())
        for name, values in plain.items():
            self.assertAllClose(private[name], values, rtol=0, atol=1e-6, msg=name)
        self.assertIsNone(record["privacy"]["epsilon"])
        self.assertEqual(record["privacy"]["clipped_fraction"], 0)

    def test_epsilon_and_clipped_fraction_are_said(self):
        record = train(self.folder / "run", dp_noise_multiplier=1.5, dp_clip_norm=0.1)
        spent = epsilon(STEPS, 61, 8, 1.5, 1e-5)
        self.assertAllClose(record["privacy"]["epsilon"], spent, rtol=1e-6, atol=0)
        self.assertEqual((record["privacy"]["delta"], record["privacy"]["examples"]), (1e-5, 61))
        self.assertAllClose(scalars(self.folder / "run", "epsilon")[-1], spent, rtol=1e-5, atol=0)
        fractions = scalars(self.folder / "run", "clipped_fraction")
        self.assertLen(fractions, STEPS)
        self.assertEqual(fractions[0], 1.0)

    @parameterized.parameters(
        ({"dp_clip_norm": 1.0}, "both --dp_noise_multiplier and --dp_clip_norm"),
        ({"dp_noise_multiplier": 1.0}, "both --dp_noise_multiplier and --dp_clip_norm"),
        ({"dp_noise_multiplier": -1.0, "dp_clip_norm": 1.0}, "at least 0"),
        (
            {"dp_noise_multiplier": 1.0, "dp_clip_norm": 1.0, "precision": "mixed_float16"},
            "other than mixed_float16",
        ),
    )
    def test_settings_that_say_nothing_are_refused(self, given, message):
        with self.assertRaisesRegex(ValueError, message):
            toy.ToySettings(output_dir=str(self.folder), **{**SETTINGS, **given})

    def test_a_crf_takes_one_example_at_a_time(self):
        given = {"output_dir": str(self.folder), "data_dir": "data", "do_train": True}
        given |= {"dp_clip_norm": 1.0, "dp_noise_multiplier": 1.0}
        self.assertEqual(TaggingSettings(**given).examples_at_once, 8)
        self.assertEqual(TaggingSettings(**given, crf=True).examples_at_once, 1)
        with self.assertRaisesRegex(ValueError, "--dp_examples_at_once=1 with --crf, received 4"):
            TaggingSettings(**given, crf=True, dp_examples_at_once=4)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

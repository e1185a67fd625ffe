"""Differential privacy through the whole engine, on the task of forty lines."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.updates.privacy_loss import epsilon
from tests.clinicalbert_tf.tasks import toy_task as toy

pytest.importorskip("dp_accounting")
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


def test_no_noise_and_a_huge_clip_equal_plain_training(tmp_path):
    train(tmp_path / "plain")
    record = train(tmp_path / "private", dp_noise_multiplier=0.0, dp_clip_norm=1e9)
    plain, private = weights(tmp_path / "plain"), weights(tmp_path / "private")
    assert plain.keys() == private.keys()
    for name, values in plain.items():
        np.testing.assert_allclose(private[name], values, rtol=0, atol=1e-6, err_msg=name)
    assert record["privacy"]["epsilon"] is None
    assert record["privacy"]["clipped_fraction"] == 0


def test_epsilon_and_clipped_fraction_are_said(tmp_path):
    record = train(tmp_path / "run", dp_noise_multiplier=1.5, dp_clip_norm=0.1)
    spent = epsilon(STEPS, 61, 8, 1.5, 1e-5)
    assert record["privacy"]["epsilon"] == pytest.approx(spent)
    assert (record["privacy"]["delta"], record["privacy"]["examples"]) == (1e-5, 61)
    assert scalars(tmp_path / "run", "epsilon")[-1] == pytest.approx(spent, rel=1e-5)
    fractions = scalars(tmp_path / "run", "clipped_fraction")
    assert len(fractions) == STEPS and fractions[0] == 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dp_clip_norm": 1.0}, "both --dp_noise_multiplier and --dp_clip_norm"),
        ({"dp_noise_multiplier": 1.0}, "both --dp_noise_multiplier and --dp_clip_norm"),
        ({"dp_noise_multiplier": -1.0, "dp_clip_norm": 1.0}, "at least 0"),
        (
            {"dp_noise_multiplier": 1.0, "dp_clip_norm": 1.0, "precision": "mixed_float16"},
            "other than mixed_float16",
        ),
    ],
)
def test_settings_that_say_nothing_are_refused(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        toy.ToySettings(output_dir=str(tmp_path), **{**SETTINGS, **given})


def test_a_crf_takes_one_example_at_a_time(tmp_path):
    given = {"output_dir": str(tmp_path), "data_dir": "data", "do_train": True}
    given |= {"dp_clip_norm": 1.0, "dp_noise_multiplier": 1.0}
    assert TaggingSettings(**given).examples_at_once == 8
    assert TaggingSettings(**given, crf=True).examples_at_once == 1
    with pytest.raises(ValueError, match="--dp_examples_at_once=1 with --crf, received 4"):
        TaggingSettings(**given, crf=True, dp_examples_at_once=4)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

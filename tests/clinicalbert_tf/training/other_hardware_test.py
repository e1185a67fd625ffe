"""A run that goes on with another number of replicas than it began with."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.tasks.pretraining.settings import PretrainingSettings
from clinicalbert_tf.tasks.pretraining.task import run_pretraining

STEPS = 20


def losses(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in events.Scalars("loss")] == list(range(1, STEPS + 1))
    return np.array([event.value for event in events.Scalars("loss")])


def state_at(folder, step, target):
    """A copy of a run's folder as it was when it had just saved a step and was killed."""
    shutil.copytree(folder, target)
    for path in pathlib.Path(target).glob("model.ckpt-*"):
        if not path.name.startswith(f"model.ckpt-{step}."):
            path.unlink()
    return target


@pytest.mark.large
def test_resumed_runs_give_the_same_losses_on_one_device_and_on_two_replicas(
    golden_records, small_config, tmp_path
):
    small_config.write(tmp_path / "bert_config.json")

    def run(name, strategy, replicas):
        settings = PretrainingSettings(
            input_file=golden_records, output_dir=str(tmp_path / name),
            bert_config_file=str(tmp_path / "bert_config.json"), train_batch_size=8,
            learning_rate=1e-2, num_train_steps=STEPS, num_warmup_steps=2,
            save_checkpoints_steps=8, strategy=strategy, num_replicas=replicas, report=False,
            peak_tflops=1.0,
        )  # fmt: skip
        run_pretraining(settings)
        return losses(tmp_path / name)

    undisturbed = run("two", "mirrored", 2)
    state_at(tmp_path / "two", 8, tmp_path / "resumed")
    np.testing.assert_allclose(run("resumed", "one_device", None), undisturbed, rtol=0, atol=1e-4)
    # And back, from what the one device saved.
    state_at(tmp_path / "resumed", 16, tmp_path / "back")
    np.testing.assert_allclose(run("back", "mirrored", 2), undisturbed, rtol=0, atol=1e-4)
    # The hardware changed, and nothing else did.
    replicas = {}
    for name in ("two", "resumed", "back"):
        replicas[name] = json.loads((tmp_path / name / "run.json").read_text())["num_replicas"]
    assert replicas == {"two": 2, "resumed": 1, "back": 2}
    assert undisturbed[-1] < undisturbed[0] - 0.1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

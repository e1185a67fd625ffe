"""A task of forty lines goes through the whole engine: replicas, workers, kills, best, report."""

import json
import os
import pathlib
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.report.page import write_report
from clinicalbert_tf.training.cluster.local_workers import free_ports
from clinicalbert_tf.training.exit_codes import PREEMPTED
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.states.best import best_prefix
from tests import processes
from tests.clinicalbert_tf.tasks import toy_task as toy
from tests.support import ROOT

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large
PROGRAM = pathlib.Path(toy.__file__)
STEPS = 24
SETTINGS = {
    "train_batch_size": 8, "eval_batch_size": 6, "num_train_steps": STEPS, "num_warmup_steps": 2,
    "learning_rate": 1e-2, "save_checkpoints_steps": 6, "eval_steps": 6, "length_buckets": 8,
    "shuffle_buffer": 64, "do_train": True, "do_eval": True, "peak_tflops": 1.0,
}  # fmt: skip


def train(folder, **changes):
    settings = toy.ToySettings(output_dir=str(folder), **{**SETTINGS, **changes})
    return run_training(toy.ToyTask(), settings, write_report=write_report)


def command(folder, *flags):
    given = [f"--{name}={value}" for name, value in SETTINGS.items()]
    return [PROGRAM, f"--output_dir={folder}", *given, *flags]


def start(arguments, **environment):
    return processes.start(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **environment},
    )  # fmt: skip


def weights(folder, step=STEPS):
    reader = tf.train.load_checkpoint(str(folder / f"model.ckpt-{step}"))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


def scalars(folder, tag):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return [event.value for event in events.Scalars(tag)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy") / "run"
    return folder, train(folder)


def test_task_stands_in_forty_lines():
    lines = PROGRAM.read_text().split("# The task begins here.\n")[1].split("# The task ends")[0]
    assert len([line for line in lines.splitlines() if line.strip()]) <= 40


def test_it_learns_and_predictions_are_scored_in_the_order_of_the_examples(undisturbed):
    folder, results = undisturbed
    assert results["step"] == STEPS
    for split, count, seed in (("dev", 37, 2), ("test", 11, 3)):
        written = np.loadtxt(folder / f"predictions_{split}.txt", dtype=int)
        assert len(written) == count
        labels = toy.examples(count, seed)._values["label"]
        score = toy.f1_score(labels, written)
        assert results["evaluations"][split]["f1"] == pytest.approx(score)
    assert results["eval"]["f1"] > 0.9
    assert "f1 = " in (folder / "eval_results.txt").read_text()


def test_head_is_in_the_checkpoint_under_the_references_names(undisturbed):
    folder, _ = undisturbed
    saved = weights(folder)
    assert saved["output_weights"].shape == (2, 16) and saved["output_bias"].shape == (2,)
    assert "output_weights/adam_m" in saved and not any(n.startswith("cls/") for n in saved)


def test_best_is_the_highest_f1_and_what_was_evaluated_at_the_end(undisturbed):
    folder, results = undisturbed
    best = json.loads((folder / "best" / "best.json").read_text())
    f1 = scalars(folder / "eval", "f1")
    assert best["metric"] == "f1" and best["value"] == pytest.approx(max(f1))
    assert best_prefix(str(folder)).endswith(f"model.ckpt-{results['eval']['global_step']}")
    assert results["eval"]["f1"] == pytest.approx(best["value"])


def test_run_is_described_watched_and_reported(undisturbed):
    folder, _ = undisturbed
    record = json.loads((folder / "run.json").read_text())
    assert record["command"] == "toy" and record["settings"]["num_examples"] == 61
    assert len(scalars(folder, "loss")) == STEPS
    report = (folder / "report.html").read_text()
    assert "F1" in report and "Masked words" not in report


def test_two_replicas_follow_one_device(undisturbed, tmp_path):
    folder, results = undisturbed
    parts = {"num_replicas": 2, "gradient_accumulation_steps": 2}
    two = train(tmp_path / "two", strategy="mirrored", **parts)
    losses = [scalars(place, "loss") for place in (folder, tmp_path / "two")]
    np.testing.assert_allclose(*losses, atol=1e-3)
    norms = [scalars(place, "gradient_norm")[:4] for place in (folder, tmp_path / "two")]
    np.testing.assert_allclose(*norms, rtol=1e-4)
    for split, expected in results["evaluations"].items():
        assert two["evaluations"][split] == pytest.approx(expected, abs=1e-3)


def test_early_stopping_goes_by_the_monitor(tmp_path):
    results = train(
        tmp_path / "run", learning_rate=1e-9, early_stopping_patience=2, num_train_steps=60
    )
    assert results["step"] == 18
    history = json.loads((tmp_path / "run" / "model.ckpt-18.state.json").read_text())["evaluation"]
    assert history["metric"] == "f1" and history["since_best"] == 2 and history["best_step"] == 6


def test_asked_to_stop_and_killed_it_resumes_to_the_bit(tmp_path):
    train(tmp_path / "undisturbed", dropout=0.3)
    stopped = start(command(tmp_path / "run", "--steps_per_loop=1", "--dropout=0.3"))
    wait_for(tmp_path / "run" / "model.ckpt-6.index", stopped)
    stopped.send_signal(signal.SIGTERM)
    said = stopped.communicate(timeout=120)[0]
    if stopped.returncode == PREEMPTED:
        assert "--output_dir=" in said
    killed = start(command(tmp_path / "run", "--steps_per_loop=1", "--dropout=0.3"))
    wait_for(tmp_path / "run" / "model.ckpt-12.index", killed)
    killed.kill()
    killed.communicate(timeout=120)
    train(tmp_path / "run", dropout=0.3)
    assert_same_weights(weights(tmp_path / "undisturbed"), weights(tmp_path / "run"))


def test_two_workers_agree_on_scores_and_the_chief_alone_writes(undisturbed, tmp_path):
    flags = ["--strategy=multi_worker", "--report=False"]
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    workers = []
    for index in range(2):
        place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        given = command(tmp_path / "two", *flags)
        workers.append(start(given, TF_CONFIG=json.dumps(place)))
    printed = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], printed
    assert "Trained to step 24" in printed[0] and "Trained to step" not in printed[1]
    folder, _ = undisturbed
    np.testing.assert_allclose(
        scalars(tmp_path / "two", "loss"), scalars(folder, "loss"), atol=1e-3
    )
    for name in ("predictions_dev.txt", "predictions_test.txt", "eval_results.txt"):
        assert (tmp_path / "two" / name).exists()
    predicted = [np.loadtxt(f / "predictions_dev.txt") for f in (folder, tmp_path / "two")]
    np.testing.assert_array_equal(*predicted)


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

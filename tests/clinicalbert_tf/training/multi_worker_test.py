"""Worker processes on this machine against one device: undisturbed, and killed on the way."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
from clinicalbert_tf.input_pipeline.record_source import find_records
from clinicalbert_tf.training.cluster.local_workers import free_ports
from clinicalbert_tf.training.exit_codes import PREEMPTED, WORKER_LOST
from tests import processes

STEPS = 20
BATCH = 8
PRETRAIN = ["-m", "clinicalbert_tf.pretrain"]
TWO_WORKERS = ["-m", "clinicalbert_tf.launch", "--workers=2", "--", sys.executable]


def start(command, **environment):
    return processes.start(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **environment},
    )  # fmt: skip


def start_two(command):
    """Starts a command once as the chief and once as worker 1 of one cluster."""
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    return [start(command, **tf_config(addresses, index)) for index in range(2)]


def ended(workers):
    """Returns what each process has printed once all have ended."""
    try:
        return [worker.communicate(timeout=300)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()


def finish(workers, status=0):
    printed = ended(workers)
    for worker, text in zip(workers, printed, strict=True):
        assert worker.returncode == status, text
    return printed


def losses(output_dir, steps=STEPS):
    events = EventAccumulator(str(output_dir), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in events.Scalars("loss")] == list(range(1, steps + 1))
    return [event.value for event in events.Scalars("loss")]


@pytest.fixture(scope="module")
def arguments(golden_records, small_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    small_config.write(folder / "bert_config.json")
    return [
        f"--input_file={golden_records}",
        f"--bert_config_file={folder / 'bert_config.json'}",
        f"--eval_file={golden_records}", "--max_eval_steps=3",
        f"--train_batch_size={BATCH}", "--learning_rate=1e-2", "--num_warmup_steps=2",
        f"--num_train_steps={STEPS}", "--save_checkpoints_steps=10", "--report=False",
        "--peak_tflops=1",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def one_device(arguments, tmp_path_factory):
    """The undisturbed run's folder."""
    output_dir = tmp_path_factory.mktemp("runs") / "one"
    finish([start([*PRETRAIN, *arguments, f"--output_dir={output_dir}"])])
    return output_dir


def tf_config(addresses, index):
    cluster = {"worker": addresses}
    return {
        "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
    }


def slurm_step(ports, index):
    return {
        "TF_CONFIG": "",
        "SLURM_JOB_ID": "4711",
        "SLURM_STEP_ID": "0",
        "SLURM_PROCID": str(index),
        "SLURM_LOCALID": str(index),
        "SLURM_NODEID": "0",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": "2",
        "SLURM_STEP_RESV_PORTS": ",".join(map(str, ports)),
    }


@pytest.mark.large
@pytest.mark.parametrize("way", ["TF_CONFIG", "SLURM"])
def test_two_workers_follow_one_device_and_only_the_chief_writes(
    golden_records, arguments, one_device, tmp_path, way
):
    # Otherwise dividing each worker's loss by its own count would go unnoticed.
    batches = training_batches(find_records(golden_records), RecordOrder(seed=12345), BATCH)
    halves = next(iter(batches))["masked_lm_weights"].numpy().reshape(2, -1).sum(axis=1)
    assert halves[0] != halves[1]
    command = [*PRETRAIN, *arguments, f"--output_dir={tmp_path / 'two'}", "--strategy=multi_worker"]
    ports = free_ports(2)
    addresses = [f"localhost:{port}" for port in ports]
    places = [
        tf_config(addresses, index) if way == "TF_CONFIG" else slurm_step(ports, index)
        for index in range(2)
    ]
    printed = finish([start(command, **place) for place in places])
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(one_device), rtol=0, atol=1e-4)
    assert len(list((tmp_path / "two").glob("events.*"))) == 1
    assert "Trained to step 20" in printed[0] and "Trained to step" not in printed[1]
    written = [
        dict(line.split(" = ") for line in (folder / "eval_results.txt").open())
        for folder in (one_device, tmp_path / "two")
    ]
    assert written[0].keys() == written[1].keys()
    for name, value in written[0].items():
        assert float(written[1][name]) == pytest.approx(float(value), abs=1e-4), name


@pytest.mark.large
def test_what_the_chief_alone_writes_keeps_the_calls_of_all_workers_alike(
    arguments, one_device, tmp_path
):
    output_dir = tmp_path / "watched"
    watched = ["--histogram_steps=7", "--profile_steps=12,13", "--eval_steps=8"]
    command = [*PRETRAIN, *arguments, *watched, "--strategy=multi_worker"]
    finish(start_two([*command, f"--output_dir={output_dir}"]))
    np.testing.assert_allclose(losses(output_dir), losses(one_device), rtol=0, atol=1e-4)
    events = EventAccumulator(str(output_dir)).Reload()
    tag = next(tag for tag in events.Tags()["tensors"] if tag.startswith("weights/"))
    assert [event.step for event in events.Tensors(tag)] == [7, 14]
    assert len(list(output_dir.glob("plugins/profile/*/*.xplane.pb"))) == 1


def worker_of(launch, index):
    """The process id of a worker that a launch has started."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            environment = (path / "environ").read_bytes().decode()
        except (OSError, ValueError):
            continue
        if parent == launch.pid and f'"index": {index}}}' in environment:
            return int(path.name)
    raise AssertionError(f"worker {index} does not run")


def is_saved(output_dir, step):
    return (output_dir / f"model.ckpt-{step}.state.json").exists()


def kill_at(command, output_dir, step, index):
    """Runs workers and kills one after a save; returns what was printed and the seconds since."""
    launch = start(command)
    try:
        deadline = time.monotonic() + 200
        while not is_saved(output_dir, step):
            assert launch.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(worker_of(launch, index), signal.SIGKILL)
        killed = time.monotonic()
        printed = launch.communicate(timeout=120)[0]
    finally:
        launch.terminate()
        launch.wait()
    assert launch.returncode == 128 + signal.SIGKILL
    return printed, time.monotonic() - killed


@pytest.mark.large
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")
def test_killed_worker_stops_the_other_and_all_go_on_from_the_last_common_checkpoint(
    arguments, tmp_path
):
    steps = 400
    changed = ["--eval_file=", "--train_batch_size=32", f"--num_train_steps={steps}"]
    changed += ["--learning_rate=1e-3", "--save_checkpoints_steps=50", "--keep_checkpoint_max=0"]
    command = [*PRETRAIN, *arguments, *changed]
    finish([start([*command, f"--output_dir={tmp_path / 'one'}"])])
    killed = tmp_path / "killed"
    command.append(f"--output_dir={killed}")
    both = [*TWO_WORKERS, *command, "--strategy=multi_worker"]
    # The chief stops when a worker is killed, and the worker when the chief is; the second start
    # resumes with two workers, the third on other hardware.
    for victim, first_step in ((1, 50), (0, 200)):
        printed, seconds = kill_at(both, killed, first_step, victim)
        assert seconds < 60
        survivor = [line for line in printed.splitlines() if f"[worker {1 - victim}]" in line]
        message = rf"Expected 2 workers, but worker {victim} (localhost:"
        assert any(message in line and "Start all workers again" in line for line in survivor)
        assert f"[launch] worker {1 - victim} ended with status {WORKER_LOST}" in printed
        assert not (killed / f"model.ckpt-{steps}.index").exists()
    (printed,) = finish([start(command)])
    resumed = [line for line in printed.splitlines() if "Resuming from" in line]
    assert int(resumed[0].rstrip(".").rpartition("-")[2]) >= 200
    np.testing.assert_allclose(
        losses(killed, steps), losses(tmp_path / "one", steps), rtol=0, atol=1e-4
    )
    readers = [tf.train.load_checkpoint(str(tmp_path / name / f"model.ckpt-{steps}"))
               for name in ("one", "killed")]  # fmt: skip
    for name in readers[0].get_variable_to_shape_map():
        one, other = (reader.get_tensor(name) for reader in readers)
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.large
def test_sigterm_saves_and_ends_all_workers_with_the_status_of_a_preempted_run(arguments, tmp_path):
    output_dir = tmp_path / "run"
    more = ["--eval_file=", "--num_train_steps=100000", "--strategy=multi_worker"]
    launch = start([*TWO_WORKERS, *PRETRAIN, *arguments, *more, f"--output_dir={output_dir}"])
    try:
        deadline = time.monotonic() + 200
        while not is_saved(output_dir, 10):
            assert launch.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        launch.terminate()
        printed = launch.communicate(timeout=60)[0]
    finally:
        launch.kill()
    assert launch.returncode == PREEMPTED, printed
    for index in range(2):
        assert f"[launch] worker {index} ended with status {PREEMPTED}" in printed
    assert "[worker 0] pretrain: Stopped by SIGTERM" in printed


@pytest.mark.large
def test_workers_that_were_started_differently_say_so(arguments, tmp_path):
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    command = [*PRETRAIN, *arguments, "--strategy=multi_worker", f"--output_dir={tmp_path / 'run'}"]
    workers = [
        start([*command, f"--learning_rate={rate}"], **tf_config(addresses, index))
        for index, rate in enumerate((1e-2, 1e-3))
    ]
    for text in finish(workers, status=1):
        assert "started with the chief's settings" in text and "by worker 1." in text
    assert not list((tmp_path / "run").glob("model.ckpt*"))


@pytest.mark.large
def test_workers_without_a_shared_folder_say_so(arguments, one_device, tmp_path):
    # Worker 0 has a checkpoint to resume from; worker 1 looks into a folder of its own.
    shutil.copytree(one_device, tmp_path / "a")
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    code = (
        "import sys; from clinicalbert_tf.training.cluster import workers; from absl import app;"
        "from clinicalbert_tf import pretrain;"
        "workers.Workers.agree_on_step.__defaults__ = (0.5,); app.run(pretrain.main)"
    )
    command = ["-c", code, *arguments, "--strategy=multi_worker"]
    workers = [
        start([*command, f"--output_dir={tmp_path / name}"], **tf_config(addresses, index))
        for index, name in enumerate("ab")
    ]
    for text in finish(workers, status=1):
        assert f"chief's model.ckpt-{STEPS} in" in text and "worker 1 found no complete one" in text


SLOW_CHIEF = """
import json, os, time
from absl import app
from clinicalbert_tf import pretrain
from clinicalbert_tf.input_pipeline import damage
from clinicalbert_tf.training.cluster import watchdog
find_damage = damage.find_damage
watchdog.SECONDS_TO_END = 2.0
def slowly(source):
    # Longer than the chief is given to end when another worker has.
    time.sleep(4 * (json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0))
    return find_damage(source)
damage.find_damage = slowly
app.run(pretrain.main)
"""


def two_files(golden_records, folder):
    """The golden records in two plain files, the second with a changed byte in its middle."""
    records = list(tf.data.TFRecordDataset(golden_records).take(160).as_numpy_iterator())
    for part, name in enumerate(("sound.tfrecord", "damaged.tfrecord")):
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for record in records[80 * part : 80 * part + 80]:
                writer.write(record)
    damaged = folder / "damaged.tfrecord"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0x10
    damaged.write_bytes(content)
    return str(damaged)


@pytest.mark.large
def test_damaged_file_is_recorded_before_any_worker_ends_and_left_out_by_all(
    golden_records, arguments, tmp_path
):
    damaged = two_files(golden_records, tmp_path)
    command = [
        "-c", SLOW_CHIEF, *arguments[1:], "--on_corrupt=skip", "--eval_file=",
        f"--input_file={tmp_path}/*.tfrecord", f"--output_dir={tmp_path / 'run'}",
        "--shuffle_buffer=16", "--save_checkpoints_steps=2", "--strategy=multi_worker",
    ]  # fmt: skip

    workers = start_two(command)
    printed = ended(workers)
    for worker, text in zip(workers, printed, strict=True):
        assert worker.returncode not in (0, None), text
    assert "the run resumes without the file" in printed[1], printed[1]
    left_out = json.loads((tmp_path / "run" / "run.json").read_text())["inputs"]["records"]
    assert [entry["file"] for entry in left_out["left_out"]] == [damaged]
    printed = finish(start_two(command))
    assert "Trained to step 20" in printed[0]
    for text in printed:
        assert "damaged.tfrecord is left out" in text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

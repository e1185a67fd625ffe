"""Two worker processes on this machine against one device."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = pathlib.Path(__file__).resolve().parents[3]
STEPS = 20


def free_ports(count):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def start(arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "clinicalbert_tf.pretrain", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **environment},
    )  # fmt: skip


def finish(processes):
    try:
        printed = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, text in zip(processes, printed, strict=True):
        assert process.returncode == 0, text


def losses(output_dir):
    events = EventAccumulator(str(output_dir), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in events.Scalars("loss")] == list(range(1, STEPS + 1))
    return [event.value for event in events.Scalars("loss")]


@pytest.mark.large
def test_two_workers_follow_one_device_and_only_the_chief_writes(
    golden_records, small_config, tmp_path
):
    small_config.write(tmp_path / "bert_config.json")
    arguments = [
        f"--input_file={golden_records}",
        f"--bert_config_file={tmp_path / 'bert_config.json'}",
        f"--eval_file={golden_records}", "--max_eval_steps=3",
        "--train_batch_size=8", "--learning_rate=1e-2", "--num_warmup_steps=2",
        f"--num_train_steps={STEPS}", "--save_checkpoints_steps=10",
    ]  # fmt: skip
    finish([start([*arguments, f"--output_dir={tmp_path / 'one'}"])])
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    finish(
        [
            start(
                [*arguments, f"--output_dir={tmp_path / 'two'}", "--strategy=multi_worker"],
                TF_CONFIG=json.dumps(
                    {"cluster": cluster, "task": {"type": "worker", "index": index}}
                ),
            )
            for index in range(2)
        ]
    )
    np.testing.assert_allclose(
        losses(tmp_path / "two"), losses(tmp_path / "one"), rtol=0, atol=1e-4
    )
    assert len(list((tmp_path / "two").glob("events.*"))) == 1
    written = [
        dict(line.split(" = ") for line in (tmp_path / name / "eval_results.txt").open())
        for name in ("one", "two")
    ]
    assert written[0].keys() == written[1].keys()
    for name, value in written[0].items():
        assert float(written[1][name]) == pytest.approx(float(value), abs=1e-4), name

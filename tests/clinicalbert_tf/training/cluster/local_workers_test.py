"""Local worker processes: their places, their output, their end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from clinicalbert_tf.training.cluster import local_workers
from clinicalbert_tf.training.cluster.cluster import RUN_NAME
from clinicalbert_tf.training.cluster.local_workers import free_ports, worst_status
from clinicalbert_tf.training.exit_codes import WORKER_LOST


def run(code, workers=2, seconds_to_end=5.0):
    command = [sys.executable, "-c", code]
    return local_workers.run(command, workers, seconds_to_end, "launch-1")


def test_every_worker_has_its_place_and_its_prefix(capfd):
    code = (
        "import os, sys; print(os.environ['TF_CONFIG']);"
        f"print(os.environ['{RUN_NAME}'], file=sys.stderr)"
    )
    assert run(code, workers=3) == 0
    out, err = capfd.readouterr()
    lines = dict(line.split("] ", 1) for line in out.splitlines())
    assert set(lines) == {"[worker 0", "[worker 1", "[worker 2"}
    configs = [json.loads(lines[f"[worker {index}"]) for index in range(3)]
    assert [config["task"] for config in configs] == [
        {"type": "worker", "index": index} for index in range(3)
    ]
    addresses = configs[0]["cluster"]["worker"]
    assert len(set(addresses)) == 3
    assert all(config["cluster"] == {"worker": addresses} for config in configs)
    assert sorted(err.splitlines()) == [f"[worker {index}] launch-1" for index in range(3)]


def test_lines_come_whole_and_as_they_are_written(capfdbinary):
    assert run("import sys\nfor i in range(300): print('x' * i)\nprint('no end', end='')") == 0
    lines = capfdbinary.readouterr().out.splitlines()
    for index in range(2):
        prefix = f"[worker {index}] ".encode()
        own = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
        assert own == [b"x" * length for length in range(300)] + [b"no end"]
    assert len(lines) == 602


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 3, 1], 3),
        ([-signal.SIGKILL, WORKER_LOST], 137),
        # The cause is worse than what it led to, although its number is lower.
        ([1, WORKER_LOST, WORKER_LOST], 1),
        ([WORKER_LOST, WORKER_LOST], WORKER_LOST),
    ],
)
def test_worst_status_is_the_cause(statuses, worst):
    assert worst_status(statuses) == worst


def test_exit_status_is_the_workers(capfd):
    assert (
        run(
            "import os, json; i = json.loads(os.environ['TF_CONFIG'])['task']; exit(i['index'] * 5)"
        )
        == 5
    )
    assert "[launch] worker 1 ended with status 5" in capfd.readouterr().err


def test_workers_that_failed_before_the_first_look_are_named_too(capfd):
    group = local_workers.Workers()
    for status in (3, 4):
        group.start([sys.executable, "-c", f"exit({status})"], dict(os.environ))
    for process in group.processes:
        process.wait()
    assert group.wait(5.0) == [3, 4]
    err = capfd.readouterr().err
    assert "worker 0 ended with status 3" in err and "worker 1 ended with status 4" in err


def test_others_are_ended_when_one_has_failed(capfd):
    code = (
        "import json, os, sys, time\n"
        "if json.loads(os.environ['TF_CONFIG'])['task']['index']: sys.exit(1)\n"
        "time.sleep(100)"
    )
    started = time.monotonic()
    assert run(code, seconds_to_end=0.5) == 128 + signal.SIGTERM
    assert time.monotonic() - started < 30
    assert "[launch] the other workers continue without it" in capfd.readouterr().err


def test_others_that_ignore_the_end_are_killed(monkeypatch):
    monkeypatch.setattr(local_workers, "SECONDS_TO_DIE", 0.5)
    code = (
        "import json, os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if json.loads(os.environ['TF_CONFIG'])['task']['index']: sys.exit(1)\n"
        "time.sleep(100)"
    )
    assert run(code, seconds_to_end=1.0) == 128 + signal.SIGKILL


def when_ready(folder, *signals):
    """Sends this process signals once two workers have made a file each in a folder."""

    def send():
        wait_until(lambda: len(list(folder.iterdir())) == 2)
        for number in signals:
            time.sleep(0.3)
            os.kill(os.getpid(), number)

    threading.Thread(target=send).start()
    return f"import os, pathlib; pathlib.Path({str(folder)!r}, str(os.getpid())).touch()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_every_worker_which_may_take_its_time(tmp_path, capfd, number):
    code = (
        "import signal, sys, time\n"
        "def stop(number, frame):\n"
        "    time.sleep(0.5); print('saved', number, flush=True); sys.exit(9)\n"
        f"signal.signal({int(number)}, stop)\n"
        f"{when_ready(tmp_path, number)}; time.sleep(100)"
    )
    before = signal.getsignal(number)
    assert run(code, seconds_to_end=0.1) == 9
    assert signal.getsignal(number) == before
    out = capfd.readouterr().out.splitlines()
    assert sorted(out) == [f"[worker {index}] saved {int(number)}" for index in range(2)]


def test_second_signal_kills(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    code += f"{when_ready(tmp_path, signal.SIGTERM, signal.SIGTERM)}; time.sleep(100)"
    assert run(code) == 128 + signal.SIGKILL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux'")
def test_killed_launch_leaves_no_worker_behind(tmp_path):
    worker = (
        "import os, pathlib, sys, time;"
        "pathlib.Path(sys.argv[1], str(os.getpid())).touch(); time.sleep(100)"
    )
    code = (
        "import sys; from clinicalbert_tf.training.cluster import local_workers;"
        f"local_workers.run([sys.executable, '-c', {worker!r}, sys.argv[1]], 2, 5.0, 'x')"
    )
    launch = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    launch.kill()
    launch.wait()
    pids = [int(path.name) for path in tmp_path.iterdir()]
    wait_until(lambda: not any(runs(pid) for pid in pids))
    assert len(pids) == 2 and not any(map(runs, pids))


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ports_are_free_different_and_not_the_systems_own(monkeypatch):
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    for port in ports:
        assert port < first
        socket.create_server(("", port)).close()
    monkeypatch.setattr(local_workers, "first_ephemeral_port", lambda: 10_001)
    with socket.create_server(("", 10_000)), pytest.raises(OSError, match=r"1 free ports.*found 0"):
        free_ports(1)


def test_local_workers_do_not_share_gpus():
    share = local_workers.gpus_of_workers
    name = "CUDA_VISIBLE_DEVICES"
    assert share({name: "0,1,2,3"}, 2) == [{name: "0,1"}, {name: "2,3"}]
    assert share({name: "0,1,2,3"}, 1) == [{}]
    assert share({name: "7"}, 2) == [{name: "-1"}] * 2
    assert share({name: "-1"}, 2) == share({name: ""}, 2) == [{}, {}]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

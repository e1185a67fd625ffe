"""Lost workers are noticed by all, slow ones are not taken for lost."""

import contextlib
import socket
import subprocess
import sys
import threading
import time

import pytest

from clinicalbert_tf.training.cluster import watchdog
from clinicalbert_tf.training.cluster.cluster import Cluster
from clinicalbert_tf.training.cluster.watchdog import Watchdog
from clinicalbert_tf.training.errors import LostWorkerError
from clinicalbert_tf.training.exit_codes import WORKER_LOST

TIMEOUT = 1.0
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def short_parting(monkeypatch):
    monkeypatch.setattr(watchdog, "SECONDS_TO_PART", 0.5)


class Run:
    """Watchdogs of several workers in this process."""

    def __init__(self, workers, timeout=TIMEOUT):
        self.ends = {rank: [] for rank in range(workers)}
        self.numbers = None
        jobs = {"worker": tuple(f"localhost:{9000 + rank}" for rank in range(workers))}
        self.watchdogs = [
            Watchdog(Cluster(jobs, "worker", rank), timeout, self.share, end=self.ends[rank].append)
            for rank in range(workers)
        ]

    def share(self, numbers):
        # The chief is made first.
        self.numbers = self.numbers or list(numbers)
        return [self.numbers]

    def lost(self, rank):
        return until(lambda: self.watchdogs[rank].message())


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def die(own):
    """Ends a worker as the kernel does: its connections are closed, nothing is said."""
    for connection in own._peers:
        connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.large
def test_workers_that_finish_at_different_times_lose_nobody():
    run = Run(3)
    with contextlib.ExitStack() as late:
        late.enter_context(run.watchdogs[0])
        with run.watchdogs[1], run.watchdogs[2]:
            # Longer than the timeout: a slow step or save of a process that is alive.
            time.sleep(2 * TIMEOUT)
            assert [dog.message() for dog in run.watchdogs] == [None] * 3
        time.sleep(2 * TIMEOUT)
        assert run.watchdogs[0].message() is None
    assert not any(run.ends.values())


def test_chief_that_finishes_first_is_not_lost():
    run = Run(2)
    with run.watchdogs[1]:
        with run.watchdogs[0]:
            pass
        time.sleep(2 * TIMEOUT)
        assert run.watchdogs[1].message() is None


def test_chief_that_finishes_before_it_let_a_worker_in_is_not_lost():
    run = Run(2)
    run.watchdogs[0]._thread = threading.Thread(target=lambda: None)
    with run.watchdogs[1]:
        with run.watchdogs[0]:
            pass
        time.sleep(TIMEOUT)
        assert run.watchdogs[1].message() is None


def test_workers_wait_for_each_other_at_the_end(monkeypatch):
    monkeypatch.setattr(watchdog, "SECONDS_TO_PART", PATIENCE)
    run = Run(2)
    left = []

    def work(own, seconds):
        with own:
            time.sleep(seconds)
            left.append(time.monotonic())
        left.append(time.monotonic())

    late = threading.Thread(target=work, args=(run.watchdogs[1], 1.0))
    late.start()
    work(run.watchdogs[0], 0.0)
    late.join()
    # Nobody was gone before the later one was done.
    assert min(sorted(left)[2:]) >= sorted(left)[1]
    assert sorted(left)[1] - sorted(left)[0] > 0.9
    assert not any(dog.message() for dog in run.watchdogs)


def test_dead_worker_is_named_to_all_others():
    run = Run(3)
    with run.watchdogs[0], run.watchdogs[2]:
        die(run.watchdogs[1])
        assert r"Expected 3 workers, but worker 1 (localhost:9001) ended" in run.lost(0)
        assert "worker 1 (localhost:9001) was lost to the chief" in run.lost(2)
        assert "Start all workers again" in run.lost(2)


def test_dead_chief_is_noticed():
    run = Run(2)
    with run.watchdogs[1]:
        with contextlib.suppress(ZeroDivisionError), run.watchdogs[0]:
            assert until(lambda: run.watchdogs[0]._peers)
            raise ZeroDivisionError
        assert "worker 0 (localhost:9000) ended without finishing" in run.lost(1)


def test_silent_host_is_lost_after_the_timeout():
    run = Run(2)
    # Worker 1 is connected, but no thread of it ever says anything.
    started = time.monotonic()
    with run.watchdogs[0]:
        assert "worker 1 (localhost:9001) gave no sign of life for 1 s" in run.lost(0)
    assert time.monotonic() - started >= TIMEOUT


def test_worker_that_raises_takes_leave_of_nobody():
    run = Run(2)
    with run.watchdogs[0]:
        with pytest.raises(ZeroDivisionError), run.watchdogs[1]:
            raise ZeroDivisionError
        assert "worker 1" in run.lost(0)


def test_stuck_worker_is_ended_and_one_that_leaves_is_not(monkeypatch):
    monkeypatch.setattr(watchdog, "SECONDS_TO_END", 0.3)
    run = Run(3)
    with run.watchdogs[0]:
        with run.watchdogs[2]:
            die(run.watchdogs[1])
            assert until(lambda: run.watchdogs[2].message())
        assert until(lambda: run.ends[0]) == [run.watchdogs[0].message()]
    assert run.ends[2] == []


def test_error_after_a_loss_becomes_the_loss():
    run = Run(2)
    with run.watchdogs[0] as own:
        own.raise_lost(OSError(), seconds=0.1)
        die(run.watchdogs[1])
        cause = OSError("reset")
        with pytest.raises(LostWorkerError, match="worker 1") as caught:
            own.raise_lost(cause, PATIENCE)
        assert caught.value.__cause__ is cause


def test_strangers_at_the_port_change_nothing():
    run = Run(2)
    with run.watchdogs[0], run.watchdogs[1]:
        with socket.create_connection(("localhost", run.numbers[0])) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" + bytes(20))
            # Refused: the connection ends.
            stranger.settimeout(PATIENCE)
            with contextlib.suppress(ConnectionResetError):
                while stranger.recv(100):
                    pass
        silent = socket.create_connection(("localhost", run.numbers[0]))
        time.sleep(2 * TIMEOUT)
        silent.close()
        time.sleep(0.2)
        assert [dog.message() for dog in run.watchdogs] == [None] * 2


def test_unreachable_chief_is_warned_about_and_left_to_tensorflow(caplog):
    with socket.create_server(("localhost", 0)) as closed:
        port = closed.getsockname()[1]
    jobs = {"worker": ("localhost:9000", "localhost:9001")}
    with (
        caplog.at_level("WARNING"),
        Watchdog(Cluster(jobs, "worker", 1), TIMEOUT, lambda _: [[port, *range(8)]]) as own,
    ):
        assert own.message() is None
    assert f"Worker 1 cannot reach the chief at localhost:{port}" in caplog.text


def test_end_says_why_and_has_a_status_of_its_own():
    code = (
        "import threading; from clinicalbert_tf.training.cluster import watchdog; print('before');"
        "threading.Thread(target=watchdog.end_process, args=['worker 1 is gone']).start();"
        "threading.Event().wait(60)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == WORKER_LOST == 76
    assert "worker 1 is gone" in ended.stderr
    assert ended.stdout == "before\n"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

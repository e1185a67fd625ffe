"""Worker processes of one run on this machine: started together, heard together, ended together."""

import contextlib
import ctypes
import glob
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from clinicalbert_tf.training.cluster.cluster import RUN_NAME, Cluster
from clinicalbert_tf.training.cluster.slurm import share_of_gpus
from clinicalbert_tf.training.exit_codes import WORKER_LOST

# Between the asking and the killing of a worker that does not end.
SECONDS_TO_DIE = 10.0
_SECONDS_BETWEEN_LOOKS = 0.1
_FIRST_PORT = 10_000
# Of prctl, in linux/prctl.h: the signal that a process gets when its parent has died.
_PR_SET_PDEATHSIG = 1


def run(command: Sequence[str], workers: int, seconds_to_end: float, run_name: str) -> int:
    """Runs a command once per worker and waits for all.

    Their output comes line by line, with "[worker 0] " before it. SIGINT and SIGTERM are passed to
    every worker; the second one kills them. When a worker fails, the others get some time to
    notice it and to say so before they are ended.

    Args:
        command: program and arguments.
        workers: how many.
        seconds_to_end: how long the others may continue after one has failed.
        run_name: what the run's workers call it; see cluster.run_name.

    Returns:
        The exit status: 0 where all ended well, otherwise the highest of the workers (128 and the
        signal's number for one that was killed). That another worker was lost counts only where
        nothing worse is known.

    Raises:
        OSError: the command cannot be started.
    """
    jobs = {"worker": tuple(f"localhost:{port}" for port in free_ports(workers))}
    gpus = gpus_of_workers(os.environ, workers)
    group = Workers()
    before = {name: signal.signal(name, group.forward) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        for index in range(workers):
            cluster = Cluster(jobs, "worker", index)
            environment = {RUN_NAME: run_name, **os.environ, "PYTHONUNBUFFERED": "1"}
            environment |= {"TF_CONFIG": cluster.tf_config()} | gpus[index]
            group.start(command, environment)
        statuses = group.wait(seconds_to_end)
    finally:
        group.kill()
        for name, handler in before.items():
            signal.signal(name, handler)
    return worst_status(statuses)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on and that the system gives nobody by itself.

    The workers open them seconds later; a port that the system had picked could be picked again
    for somebody else's connection until then.
    """
    candidates = list(range(_FIRST_PORT, first_ephemeral_port()))
    random.SystemRandom().shuffle(candidates)
    ports = []
    for port in candidates:
        if len(ports) == count:
            return ports
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            ports.append(port)
    raise OSError(
        f"Expected {count} free ports from {_FIRST_PORT} on, found {len(ports)}. Start fewer "
        "--workers, or end what holds the ports."
    )


def worst_status(statuses: Sequence[int]) -> int:
    """The exit status of workers together; see `run`."""
    failures = [128 - status if status < 0 else status for status in statuses if status]
    causes = [status for status in failures if status != WORKER_LOST]
    return max(causes or failures or [0])


class Workers:
    """Processes and the threads that hand their lines on."""

    def __init__(self):
        self.processes: list[subprocess.Popen] = []
        self._readers: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._asked = 0

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        # In a session of its own: a terminal's Ctrl-C comes through `forward` alone.
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        self.processes.append(process)

    def forward(self, number: int, frame=None) -> None:
        """Hands a signal on; kills where it is the second."""
        self._asked += 1
        for process in self._running():
            process.send_signal(number if self._asked == 1 else signal.SIGKILL)

    def wait(self, seconds_to_end: float) -> list[int]:
        """Waits for all and returns their exit statuses, by worker."""
        self._read()
        said: set[int] = set()
        failed_at, terminated = None, False
        while self._running():
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            now = time.monotonic()
            self._say_failures(said)
            if said:
                failed_at = failed_at or now
            if failed_at is None or self._asked:
                continue
            if now > failed_at + seconds_to_end + SECONDS_TO_DIE:
                self.kill()
            elif now > failed_at + seconds_to_end and not terminated:
                terminated = True
                self._say("the other workers continue without it and are ended")
                for process in self._running():
                    process.terminate()
        # Those that ended together with the last one, or before the first look.
        self._say_failures(said)
        for reader in self._readers:
            reader.join()
        return [process.returncode for process in self.processes]

    def _say_failures(self, said: set[int]) -> None:
        """Says which workers have failed, each once; adds them to `said`."""
        for index, process in enumerate(self.processes):
            if process.poll() and index not in said:
                said.add(index)
                self._say(f"worker {index} ended with status {process.returncode}")

    def kill(self) -> None:
        """Kills what still runs, whatever it started included."""
        for process in self._running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _running(self) -> list[subprocess.Popen]:
        return [process for process in self.processes if process.poll() is None]

    def _read(self) -> None:
        for index, process in enumerate(self.processes):
            for source, target in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
                arguments = (source, target, f"[worker {index}] ".encode())
                reader = threading.Thread(target=self._hand_on, args=arguments, daemon=True)
                reader.start()
                self._readers.append(reader)

    def _hand_on(self, source, target, prefix: bytes) -> None:
        with source:
            for line in source:
                self._write(target, prefix + line.rstrip(b"\n") + b"\n")

    def _say(self, text: str) -> None:
        self._write(sys.stderr, f"[launch] {text}\n".encode())

    def _write(self, target, line: bytes) -> None:
        # Lines stay whole although each worker has its own threads.
        with self._lock, contextlib.suppress(OSError, ValueError):
            target.buffer.write(line)
            target.flush()


def _end_with_parent() -> None:
    """In the new process: a launch that is killed leaves no worker behind."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def first_ephemeral_port() -> int:
    """The first port that the system may give to any program; workers listen below it."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            first = int(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        # Where other systems begin.
        first = 32_768
    return first if first > _FIRST_PORT + 1000 else 32_768


def gpus_of_workers(environment: Mapping[str, str], workers: int) -> list[dict[str, str]]:
    """CUDA_VISIBLE_DEVICES of each worker: two processes cannot train on one GPU together."""
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        visible = [str(index) for index in range(len(glob.glob("/dev/nvidia[0-9]*")))]
    else:
        visible = [gpu for gpu in named.split(",") if gpu.strip() not in ("", "-1")]
    if not visible or workers == 1:
        return [{}] * workers
    if len(visible) < workers:
        # Too few for one each: all train on the CPU, as workers have to be alike.
        return [{"CUDA_VISIBLE_DEVICES": "-1"}] * workers
    shares = (share_of_gpus(visible, workers, index) for index in range(workers))
    return [{"CUDA_VISIBLE_DEVICES": ",".join(share)} for share in shares]


# Loaded before any worker is started: between fork and exec nothing may be imported.
_LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None

"""New Python processes for tests: `run` and `start` in place of subprocess's `run` and `Popen`.

They are forked from a process that has imported TensorFlow (process_server.py), which saves the
seconds of processor time that importing takes. What a command does before it imports TensorFlow,
which modules it imports, and what an environment variable changes at import need subprocess.
"""

import atexit
import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SERVER = pathlib.Path(__file__).with_name("process_server.py")


class Process:
    """A running process; the part of subprocess.Popen that tests use."""

    def __init__(self, words, report, stdout=None, stderr=None):
        self.args = words
        self.stdout, self.stderr = stdout, stderr
        self.returncode = None
        self._report = report
        self.pid = int(report.readline())
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    def _wait(self):
        line = self._report.readline()
        self._report.close()
        self._ended = int(line)

    def poll(self):
        """Returns the exit code, negative if a signal ended the process, or None if it runs."""
        if not self._waiter.is_alive():
            self.returncode = self._ended
        return self.returncode

    def wait(self, timeout=None):
        """Returns the exit code once the process has ended."""
        self._waiter.join(timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self, timeout=None):
        """Returns what was written to the two streams once the process has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        read = [None, None]

        def take(number, stream):
            read[number] = stream.read()
            stream.close()

        threads = [
            threading.Thread(target=take, args=(number, stream), daemon=True)
            for number, stream in enumerate((self.stdout, self.stderr))
            if stream is not None
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        self.wait(None if end is None else max(0.0, end - time.monotonic()))
        return tuple(read)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def start(words, *, cwd=None, env=None, stdin=None, stdout=None, stderr=None):
    """Starts `python *words`.

    Args:
        words: what stands behind `python` on a command line: ["-m", module, ...], ["-c", program,
            ...] or [file, ...].
        cwd: the folder to run in; the present one if None.
        env: its environment variables; the present ones if None.
        stdin: a file to read from; empty if None.
        stdout: subprocess.PIPE (text), subprocess.DEVNULL, a file, or None for this process's.
        stderr: likewise, or subprocess.STDOUT.

    Returns:
        A Process.
    """
    ours, to_close = {}, []

    def descriptor(name, wanted, default):
        if wanted == subprocess.PIPE:
            reading, writing = os.pipe()
            ours[name] = open(reading, encoding="utf-8")  # noqa: SIM115
            to_close.append(writing)
            return writing
        if wanted == subprocess.DEVNULL:
            to_close.append(os.open(os.devnull, os.O_RDWR))
            return to_close[-1]
        return default if wanted is None else wanted.fileno()

    try:
        of_input = descriptor("stdin", subprocess.DEVNULL if stdin is None else stdin, 0)
        of_output = descriptor("stdout", stdout, 1)
        of_errors = of_output
        if stderr != subprocess.STDOUT:
            of_errors = descriptor("stderr", stderr, 2)
        report, reporting = os.pipe()
        to_close.append(reporting)
        request = {
            "words": [str(word) for word in words],
            "folder": str(cwd or pathlib.Path.cwd()),
            "environment": {name: str(value) for name, value in (env or os.environ).items()},
        }
        packet = json.dumps(request).encode()
        socket.send_fds(_server(), [packet], [of_input, of_output, of_errors, reporting])
    finally:
        for number in to_close:
            os.close(number)
    return Process(request["words"], open(report), ours.get("stdout"), ours.get("stderr"))


def run(words, *, cwd=None, env=None, input=None, timeout=600, check=False):
    """Runs `python *words` to its end; see `start`.

    Returns:
        A subprocess.CompletedProcess with stdout and stderr as text.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as given,
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        given.write(input or "")
        given.seek(0)
        process = start(words, cwd=cwd, env=env, stdin=given, stdout=output, stderr=errors)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        read = []
        for stream in (output, errors):
            stream.seek(0)
            read.append(stream.read())
    done = subprocess.CompletedProcess(process.args, process.returncode, *read)
    if check:
        done.check_returncode()
    return done


@functools.cache
def _server():
    """The socket to this process's server, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # PYTHONPATH is the requests' own; an entry of it would hide that it is installed as well.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, str(SERVER), str(theirs.fileno())],
        pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    theirs.close()

    def end():
        ours.close()
        server.wait()

    atexit.register(end)
    return ours

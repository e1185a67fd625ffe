"""Gives tests new Python processes that have imported TensorFlow already.

Importing it takes several seconds of processor time, most of what a short command takes. This
process imports it once, uses nothing of it, and forks for each request; flags, graphs, devices and
memory are then the new process's own. tests/processes.py starts it and sends the requests, each one
packet on the socket whose number is the first argument: JSON with the words behind `python`,
folder and environment, and four file descriptors, of the three streams and of a pipe for process
number and exit code.
"""

import gc
import json
import os
import pathlib
import random
import runpy
import signal
import socket
import sys

MOST_BYTES = 1 << 20


def load() -> None:
    """Imports what takes long to import and defines no flags of a command."""
    # As the training commands set it before they import TensorFlow; the last bits depend on it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import keras_nlp  # noqa: F401
    import pandas  # noqa: F401
    import sklearn.linear_model
    import sklearn.metrics  # noqa: F401
    import tensorflow  # noqa: F401

    # Otherwise each process looks through all these modules' objects when it ends, for 1.5 s.
    gc.collect()
    gc.freeze()


def next_request(requests: socket.socket) -> dict | None:
    """Waits for requests; returns one in each new process, and None once there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        packet, (*streams, report), _, _ = _received(requests)
        if not packet:
            return None
        if os.fork():
            for descriptor in (*streams, report):
                os.close(descriptor)
            continue
        # This process waits for the one that becomes the command.
        requests.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if process := os.fork():
            for descriptor in streams:
                os.close(descriptor)
            os.write(report, f"{process}\n".encode())
            _, status = os.waitpid(process, 0)
            os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os._exit(0)
        os.close(report)
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        return json.loads(packet)


def _received(requests):
    packet, descriptors, flags, address = socket.recv_fds(requests, MOST_BYTES, 4)
    return packet, descriptors or [None], flags, address


def become(request: dict) -> None:
    """Runs what `python *words` runs."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    path = sys.path[1:]
    given = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    kind, *words = request["words"]
    if kind == "-m":
        sys.path[:] = [os.getcwd(), *given, *path]
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.path[:] = ["", *given, *path]
        sys.argv = ["-c", *words[1:]]
        names = sys.modules["__main__"].__dict__
        exec(compile(words[0], "<string>", "exec"), names)
    else:
        sys.path[:] = [str(pathlib.Path(kind).resolve().parent), *given, *path]
        sys.argv = [kind, *words]
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    load()
    asked = next_request(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        become(asked)

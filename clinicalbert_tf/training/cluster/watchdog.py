"""Signs of life between the workers of a run, and the end of all when one is lost.

Every worker keeps a connection to the chief, on which a thread of each side says every few
seconds that its process is alive, whatever its steps or its saves take. TensorFlow's coordination
service ends a collective operation whose peer died, but not every wait (NCCL's, for one) and
without saying what to do; so a worker that has not ended by itself is ended here.
"""

import contextlib
import os
import secrets
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence

from absl import logging

from clinicalbert_tf.training.cluster.cluster import Cluster
from clinicalbert_tf.training.errors import LostWorkerError
from clinicalbert_tf.training.exit_codes import WORKER_LOST

# After a loss TensorFlow gets so long to raise by itself, which lets files be closed in order.
SECONDS_TO_END = 10.0
# A worker that is done gives the others so long to be done as well: they may still be reading its
# part of the last operation.
SECONDS_TO_PART = 5.0
_ALIVE, _FAREWELL, _LOST = b".", b"e", b"l"
# Key of the run and the worker's rank; the rank of a lost worker.
_HELLO = struct.Struct("!16sI")
_RANK = struct.Struct("!I")
# What the chief tells the others to find it: its port and the key, in parts of 16 bits.
CALL_NUMBERS = 9


class Watchdog:
    """Notices lost workers; to be entered by every worker of a run.

    If the block raises, no goodbye is sent, so the other workers stop too.

    Args:
        cluster: the workers.
        timeout: seconds without a sign of life after which a worker counts as lost.
        share: given this worker's CALL_NUMBERS integers (0 to 65535), returns those of every
            worker by rank; called once, by all workers together.
        end: called with the message when the process has to end; never returns.
    """

    def __init__(
        self,
        cluster: Cluster,
        timeout: float,
        share: Callable[[Sequence[int]], Sequence[Sequence[int]]],
        end: Callable[[str], None] | None = None,
    ):
        self.cluster = cluster
        self.timeout = timeout
        self._end = end or end_process
        self._lost: tuple[int, str] | None = None
        self._noticed = threading.Event()
        self._leaving = threading.Event()
        self._peers: dict[socket.socket, _Peer] = {}
        self._selector = selectors.DefaultSelector()
        self._listening = self._listen() if cluster.is_chief else None
        self._key = secrets.token_bytes(16)
        numbers = [0] * CALL_NUMBERS
        if cluster.is_chief:
            port = self._listening.getsockname()[1]
            numbers = [port, *struct.unpack("!8H", self._key)]
        port, *key = (int(number) for number in share(numbers)[0])
        if not cluster.is_chief:
            self._key = struct.pack("!8H", *key)
            self._connect(port)
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self._leaving.set()
        self._thread.join()
        if kind is None:
            # One that the thread had no time to let in wants a goodbye too.
            self._accept()
            _part([peer.connection for peer in self._peers.values()])
        for peer in self._peers.values():
            peer.connection.close()
        if self._listening is not None:
            self._listening.close()
        self._selector.close()

    def raise_lost(self, cause: BaseException, seconds: float) -> None:
        """Raises LostWorkerError where a worker is lost, or becomes so within `seconds`."""
        if self._noticed.wait(seconds):
            raise LostWorkerError(self.message()) from cause

    def message(self) -> str | None:
        """Which worker was lost, how, and what to do; None if none was."""
        if self._lost is None:
            return None
        rank, how = self._lost
        address = self.cluster.addresses[rank]
        own = self.cluster.rank
        return (
            f"Expected {len(self.cluster.addresses)} workers, but worker {rank} ({address}) {how}. "
            f"Its own output says why; worker {own} cannot continue without it. Start all workers "
            "again: they resume from the newest checkpoint."
        )

    def _listen(self) -> socket.socket:
        if _host(self.cluster.addresses[0]) in ("localhost", "127.0.0.1"):
            listening = socket.create_server(("127.0.0.1", 0))
        elif socket.has_dualstack_ipv6():
            listening = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        else:
            listening = socket.create_server(("", 0))
        listening.setblocking(False)
        return listening

    def _connect(self, port: int) -> None:
        address = (_host(self.cluster.addresses[0]), port)
        try:
            connection = socket.create_connection(address, timeout=min(self.timeout, 20))
        except OSError as error:
            # A firewall, for one; TensorFlow's own connections work, or we would not be here.
            logging.warning(
                "Worker %d cannot reach the chief at %s:%d (%s), so a lost worker will be noticed "
                "by TensorFlow alone. Let the workers reach each other on all ports.",
                self.cluster.rank, *address, error,
            )  # fmt: skip
            return
        connection.sendall(_HELLO.pack(self._key, self.cluster.rank))
        self._add(connection, rank=0)

    def _accept(self) -> None:
        """Lets in all who wait at the chief's port."""
        with contextlib.suppress(OSError):
            while self._listening is not None:
                self._add(self._listening.accept()[0], rank=None)

    def _add(self, connection: socket.socket, rank: int | None) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peers[connection] = _Peer(connection, rank)
        self._selector.register(connection, selectors.EVENT_READ)

    def _watch(self) -> None:
        interval = min(2.0, self.timeout / 5)
        if self._listening is not None:
            self._selector.register(self._listening, selectors.EVENT_READ)
        next_beat = 0.0
        while self._lost is None and not self._leaving.is_set():
            for key, _ in self._selector.select(timeout=min(interval, 0.5)):
                if key.fileobj is self._listening:
                    self._accept()
                else:
                    self._read(self._peers[key.fileobj])
            now = time.monotonic()
            if now >= next_beat:
                next_beat = now + interval
                for peer in list(self._peers.values()):
                    self._send(peer, _ALIVE)
                    if now - peer.heard > self.timeout and not peer.done:
                        self._lose(peer, f"gave no sign of life for {self.timeout:g} s")
        if self._lost is not None:
            self._finish()

    def _finish(self) -> None:
        self._noticed.set()
        for peer in self._peers.values():
            if peer.rank is not None:
                self._send(peer, _LOST + _RANK.pack(self._lost[0]))
        # One that leaves has ended by itself.
        if not self._leaving.wait(SECONDS_TO_END):
            self._end(self.message())

    def _read(self, peer: "_Peer") -> None:
        try:
            received = peer.connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._lose(peer, "ended without finishing")
            return
        peer.heard = time.monotonic()
        peer.buffer += received
        if peer.rank is None and len(peer.buffer) >= _HELLO.size:
            key, rank = _HELLO.unpack(peer.buffer[: _HELLO.size])
            peer.buffer = peer.buffer[_HELLO.size :]
            if not secrets.compare_digest(key, self._key):
                self._forget(peer)
                return
            peer.rank = rank
        if peer.rank is not None:
            self._understand(peer)

    def _understand(self, peer: "_Peer") -> None:
        peer.buffer = peer.buffer.lstrip(_ALIVE)
        if peer.buffer.startswith(_FAREWELL):
            # Its end of the connection is closed, ours when we are done too.
            peer.done = True
            self._selector.unregister(peer.connection)
        elif peer.buffer.startswith(_LOST) and len(peer.buffer) > _RANK.size:
            (rank,) = _RANK.unpack(peer.buffer[1 : 1 + _RANK.size])
            if rank != self.cluster.rank:
                self._lost = self._lost or (rank, "was lost to the chief")

    def _send(self, peer: "_Peer", message: bytes) -> None:
        # A connection that is broken shows when it is read; one that is full is not listened to.
        with contextlib.suppress(OSError):
            peer.connection.send(message)

    def _lose(self, peer: "_Peer", how: str) -> None:
        # A stranger at the port is nobody to miss.
        if peer.rank is not None and self._lost is None:
            self._lost = (peer.rank, how)
        self._forget(peer)

    def _forget(self, peer: "_Peer") -> None:
        if self._peers.pop(peer.connection, None) is not None:
            if not peer.done:
                self._selector.unregister(peer.connection)
            peer.connection.close()


class _Peer:
    """The other end of a connection.

    Attributes:
        rank: of the worker, None until it has said who it is.
        done: whether it has said goodbye.
        heard: when it last said anything.
        buffer: what it said and nobody has understood yet.
    """

    def __init__(self, connection: socket.socket, rank: int | None):
        self.connection = connection
        self.rank = rank
        self.done = False
        self.heard = time.monotonic()
        self.buffer = b""


def _part(connections: Sequence[socket.socket]) -> None:
    """Says goodbye and waits a little for the others to be done as well."""
    deadline = time.monotonic() + SECONDS_TO_PART
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.send(_FAREWELL)
            connection.shutdown(socket.SHUT_WR)
    for connection in connections:
        with contextlib.suppress(OSError):
            # What is read is not needed; to close with it unread would take the goodbye back.
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                if not connection.recv(4096):
                    break


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def end_process(message: str) -> None:
    """Ends the process with WORKER_LOST, whatever its threads and TensorFlow still wait for."""
    logging.error("%s", message)
    leave(WORKER_LOST)


def leave(status: int) -> None:
    """Ends the process at once; by itself TensorFlow would wait seconds for workers that are gone.

    Args:
        status: the exit status.
    """
    logging.flush()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)

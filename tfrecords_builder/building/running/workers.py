"""Worker processes for the steps of the stage, or the same steps in this process.

Workers are forked from a process with one thread, which costs nothing. Otherwise they are started
from scratch: TensorFlow's threads, for one, do not survive a fork.
"""

import collections
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

# Items in flight a worker: one at work, one waiting, so that memory stays bounded.
_IN_FLIGHT = 2

_state: Any = None


class WorkerKilledError(RuntimeError):
    """A worker process ended without a Python error, as when the system runs out of memory."""


def _start(make_state: Callable, arguments: tuple) -> None:
    global _state
    # An interrupt goes to the whole group; the parent alone reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _state = make_state(*arguments)


def _end_with_parent() -> None:
    """Ends this process with a parent that was killed, whose workers would wait for ever."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _call(method: str, item: Any) -> Any:
    return getattr(_state, method)(item)


def _ready() -> None:
    """Does nothing: the first job starts all workers."""


def start_context() -> multiprocessing.context.BaseContext:
    """How to start workers."""
    alone = threading.active_count() == 1 and "tensorflow" not in sys.modules
    # macOS's own libraries do not survive a fork.
    method = "fork" if alone and sys.platform == "linux" else "spawn"
    return multiprocessing.get_context(method)


class Workers:
    """Calls methods of one state object a process, as a context manager.

    Args:
        count: processes; 1 works in this process.
        make_state: makes the state in each worker; importable by name.
        arguments: its arguments; pickled once per worker.
    """

    def __init__(self, count: int, make_state: Callable, *arguments: Any):
        self._count = count
        self._executor = None
        if count == 1:
            self._own_state = make_state(*arguments)
        else:
            self._executor = concurrent.futures.ProcessPoolExecutor(
                count, start_context(), _start, (make_state, arguments)
            )
            # Forked now, before a progress bar starts its thread; or ready sooner.
            self._executor.submit(_ready)

    def map(self, method: str, items: Iterable[Any]) -> Iterator[Any]:
        """`state.method(item)` for every item, in the items' order.

        Raises:
            WorkerKilledError: the system killed a worker.
        """
        if self._executor is None:
            yield from map(getattr(self._own_state, method), items)
            return
        try:
            futures: collections.deque = collections.deque()
            for item in items:
                futures.append(self._executor.submit(_call, method, item))
                if len(futures) >= self._count * _IN_FLIGHT:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()
        except BrokenProcessPool:
            raise WorkerKilledError(
                f"Expected {self._count} workers to finish, received the end of one that was "
                "killed, most often because memory ran out. Start the same command again to resume "
                "after the finished shards, with a smaller --num_workers or --pool_documents."
            ) from None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *error) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

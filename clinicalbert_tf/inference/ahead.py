"""An iterator that works ahead of its reader, in a thread of its own."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

_END = object()


def ahead(items: Iterable[Any], count: int = 1) -> Iterator[Any]:
    """Makes the next items while the reader still works with the last one.

    Pays if either side waits for what is not Python: a model's computing, a disk.

    Args:
        items: made in another thread, in order.
        count: items made ahead at most.

    Raises:
        Exception: whatever making an item raises, at that item's turn.
    """
    made: queue.Queue = queue.Queue(count)
    stopped = threading.Event()

    def put(value: tuple[Any, BaseException | None]) -> bool:
        while not stopped.is_set():
            try:
                made.put(value, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
        except BaseException as error:
            put((_END, error))
        else:
            put((_END, None))

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()

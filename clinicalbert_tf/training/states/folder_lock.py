"""One process at a time trains into an output folder."""

import contextlib
import os
import time
from collections.abc import Iterator

from absl import logging

from tfrecords_builder.files import try_lock

NAME = ".lock"
# A run that was asked to stop, or lost a worker, takes a few seconds to end.
SECONDS_TO_WAIT = 20.0


class FolderInUseError(OSError):
    """Another process trains into the folder."""


@contextlib.contextmanager
def lock_folder(folder: str) -> Iterator[None]:
    """Holds a folder against a second run: its saves and clean-ups would mix with this one's.

    The system lets the folder go when this process ends, however it ends.

    Args:
        folder: the output folder.

    Raises:
        FolderInUseError: another process keeps holding it.
    """
    path = os.path.join(folder, NAME)
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        _lock(file, folder)
        yield


def _lock(file, folder: str) -> None:
    deadline, said = time.monotonic() + SECONDS_TO_WAIT, False
    while not try_lock(file):
        if time.monotonic() > deadline:
            raise FolderInUseError(
                f"Expected to train alone in {folder}, received a folder that another running "
                "process trains into. Wait for it, or take another --output_dir; workers of "
                "one run need --strategy=multi_worker."
            )
        if not said:
            logging.info("Waiting for another process that trains into %s.", folder)
            said = True
        time.sleep(0.2)

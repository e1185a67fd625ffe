"""Files that hold note text: readable by their owner only, and whole or not there at all."""

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def open_private_file(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for writing under a temporary name; it appears when the block ends well.

    Args:
        path: where the file will stand; its folder is made (0700) where missing.

    Yields:
        A binary file of mode 0600. An exception in the block removes it and leaves whatever
        stood at `path` as it was.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = f"{path}.tmp-{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise

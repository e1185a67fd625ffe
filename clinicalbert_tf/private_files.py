"""Files and folders that only their owner may read; files are whole or not there at all."""

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def open_private(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for writing under a temporary name; it appears when the block ends well.

    Args:
        path: where the file will stand; its folder must be there.

    Yields:
        A binary file of mode 0600, seekable; its `name` is the temporary path.
    """
    temporary = f"{path}.tmp-{os.getpid()}"
    try:
        with open(temporary, "w+b", opener=_open_owner_only) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_private(path: str, text: str) -> None:
    """Writes a text file (UTF-8, mode 0600) in one rename.

    Raises:
        OSError: it cannot be written; what stood at `path` stays.
    """
    with open_private(path) as file:
        file.write(text.encode("utf-8"))


def make_private_folder(path: str) -> str:
    """Makes a folder (mode 0700) where missing and returns it."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def _open_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def check_folder_of(path: str, flag: str) -> None:
    """Checks that a file can stand at an output's path, before any work.

    Raises:
        FileNotFoundError: its folder is not there.
        IsADirectoryError: it is a folder itself.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(
            f"Expected a file's path for --{flag}, received the folder {path}. Add a file name."
        )
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"Expected a folder for --{flag}={path}, found no folder {folder}. Create it first."
        )

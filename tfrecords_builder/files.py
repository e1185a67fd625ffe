"""Files and folders that only their owner may read: whole or not there at all, and locks on them.

The one place of both packages that writes such files: under a temporary name, then one rename.
"""

import contextlib
import fcntl
import io
import os
import uuid
from collections.abc import Iterator
from typing import BinaryIO


class WriteError(OSError):
    """A file cannot be written: which one, why, and what to do."""

    @classmethod
    def of(cls, path: str, error: OSError) -> "WriteError":
        """The error that names `path`, whatever the system said of it."""
        return cls(
            error.errno,
            f"Expected to write {path}, received {error.strerror or str(error)!r}. Free space "
            "or fix the folder, then start the same command again.",
        )


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Turns an OSError of the block into a `WriteError` that names `path`; once, if blocks nest."""
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise WriteError.of(path, error) from None


class _PrivateFile(io.FileIO):
    """Names its final path when it cannot be written.

    What its user reads meanwhile from other files keeps its own errors.
    """

    def __init__(self, descriptor: int, path: str, temporary: str):
        super().__init__(descriptor, "wb")
        self.path = path
        # A descriptor's number by default; writers that open by path need this.
        self.name = temporary

    def write(self, data) -> int:
        with naming(self.path):
            return super().write(data)


def temporary_name(path: str) -> str:
    """Returns a name beside `path` for an unfinished file; hidden, so no glob takes it for data.

    No other process uses it, not even one on another machine that shares the folder.
    """
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.tmp-{uuid.uuid4().hex}")


@contextlib.contextmanager
def open_private(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for writing under a temporary name; it appears when the block ends well.

    Args:
        path: where the file will stand; its folder is made (0700) if missing.

    Yields:
        A binary file of mode 0600, seekable, whose `name` is the temporary path. An exception in
        the block removes it and leaves whatever stood at `path` as it was.

    Raises:
        WriteError: the folder cannot be made or the file not be written.
    """
    temporary = temporary_name(path)
    with naming(path):
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with io.BufferedWriter(_PrivateFile(descriptor, path, temporary)) as file:
            yield file
            file.flush()
            with naming(path):
                os.fsync(file.fileno())
        with naming(path):
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_private(path: str, content: str | bytes) -> None:
    """Writes a file (mode 0600; text as UTF-8) in one rename; its folder is made if missing.

    Raises:
        WriteError: it cannot be written; what stood at `path` stays.
    """
    with open_private(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def make_private_folder(path: str) -> str:
    """Makes a folder (mode 0700) if it is missing, and returns it."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


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


def try_lock(file: BinaryIO | int) -> bool:
    """Takes the exclusive lock of an open file or folder without waiting.

    The system releases it when the file is closed or the process ends, however it ends.

    Args:
        file: an open file, or the descriptor of a file or folder.

    Returns:
        False if another process holds it. True also if the file system has no locks: it is then
        up to the user to start one process at a time.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def append(path: str, data: bytes) -> int:
    """Appends to a file of mode 0600, made if missing; returns where the data begins in it.

    Raises:
        WriteError: it cannot be written.
    """
    with naming(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "ab") as file:
            offset = os.fstat(descriptor).st_size
            file.write(data)
    return offset


def sync(path: str) -> None:
    """Forces a file, or a folder's names, to disk, so that a power cut cannot lose it."""
    with naming(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""Files that hold note text: readable by their owner only, and whole or not there at all."""

import contextlib
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
    """Makes an OSError of the block a `WriteError` that names `path`; once, where blocks nest."""
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

    def __init__(self, descriptor: int, path: str):
        super().__init__(descriptor, "wb")
        self.path = path

    def write(self, data) -> int:
        with naming(self.path):
            return super().write(data)


def temporary_name(path: str) -> str:
    """A name beside `path` for what is not finished; hidden, so that no glob takes it for data.

    No other process has it, nor any on another machine that shares the folder.
    """
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.tmp-{uuid.uuid4().hex}")


@contextlib.contextmanager
def open_private_file(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for writing under a temporary name; it appears when the block ends well.

    Args:
        path: where the file will stand; its folder is made (0700) where missing.

    Yields:
        A binary file of mode 0600. An exception in the block removes it and leaves whatever
        stood at `path` as it was.

    Raises:
        WriteError: the folder cannot be made or the file not be written.
    """
    temporary = temporary_name(path)
    with naming(path):
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with io.BufferedWriter(_PrivateFile(descriptor, path)) as file:
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


def append(path: str, data: bytes) -> int:
    """Appends to a file of mode 0600, made where missing; returns where the data begins in it.

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
    """Writes a file, or a folder's names, to the disk itself, so that no power cut takes it."""
    with naming(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

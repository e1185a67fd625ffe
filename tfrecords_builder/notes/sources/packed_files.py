"""Opens files as bytes or text, whatever they are packed with: gzip, bzip2, xz, Zstandard or zip.

What a file is packed with is told from its first bytes, not from its name.
"""

import bz2
import gzip
import io
import lzma
import os
import shlex
import zipfile
from collections.abc import Callable
from typing import BinaryIO, TextIO

from tfrecords_builder.notes.sources import foreign_files
from tfrecords_builder.notes.sources.note_rows import NoteSourceError

# Told of each piece of a source that was read, in bytes.
OnBytes = Callable[[int], None]
_BUFFER_BYTES = 1 << 16
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"PK\x03\x04": "zip",
    # An archive without a file.
    b"PK\x05\x06": "zip",
}
SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def packing_of(path: str) -> str | None:
    """Returns what a file is packed with, or None.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        beginning = file.read(max(map(len, _MAGIC)))
    return next((name for magic, name in _MAGIC.items() if beginning.startswith(magic)), None)


def without_suffix(path: str) -> str:
    """Returns a path in lower case and without the suffix of a packing: a.CSV.gz is a.csv."""
    path = path.lower()
    return next((path.removesuffix(end) for end in SUFFIXES if path.endswith(end)), path)


def unpacked_name(path: str) -> str:
    """Returns what a path is called unpacked, in lower case.

    A zip archive is called what its only file is, if that has an ending.

    Raises:
        OSError: it cannot be read.
        NoteSourceError: as open_binary.
    """
    if packing_of(path) == "zip":
        with open(path, "rb") as file, _only_member(file, path) as member:
            if "." in os.path.basename(member.name):
                return without_suffix(member.name)
    return without_suffix(path)


def open_binary(path: str, on_bytes: OnBytes | None = None) -> BinaryIO:
    """Opens the unpacked bytes of a file.

    Args:
        path: the file.
        on_bytes: told of the bytes of the file, packed or not, as they are read.

    Raises:
        ImportError: it is packed with Zstandard and no library for it is installed.
        NoteSourceError: it is a zip archive of no or several files, or with a password.
    """
    packing = packing_of(path)
    file = io.BufferedReader(_CountedFile(path, on_bytes or (lambda size: None)))
    if packing is None:
        return file
    try:
        return io.BufferedReader(_Unpacked(_unpack(file, path, packing), file), _BUFFER_BYTES)
    except BaseException:
        file.close()
        raise


def open_text(path: str, newline: str | None = "", on_bytes: OnBytes | None = None) -> TextIO:
    """Opens a file as text: UTF-8, or UTF-16 and UTF-32 if it begins with their mark.

    Bytes that are not UTF-8 come as lone surrogates.

    Args:
        path: the file, packed or not.
        newline: as for `open`.
        on_bytes: told of the bytes of the file, packed or not, as they are read.

    Raises:
        ImportError, NoteSourceError: as open_binary; or it is no text but a workbook, a PDF, a tar
            archive or the like.
    """
    file = open_binary(path, on_bytes)
    try:
        beginning = file.peek(foreign_files.LOOKED_AT_BYTES)[: foreign_files.LOOKED_AT_BYTES]
        foreign_files.check_beginning(path, beginning)
    except UnpackingError:
        # Raised again, with the name, when the file is read.
        beginning = b""
    except NoteSourceError:
        file.close()
        raise
    marks = (name for mark, name in _BYTE_ORDER_MARKS.items() if beginning.startswith(mark))
    encoding = next(marks, "utf-8-sig")
    return io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline=newline)


class UnpackingError(Exception):
    """A packed file is damaged or cut off; the message is the library's."""


def damaged(path: str, error: BaseException) -> str:
    """Says what was expected and received when a packed file cannot be read to its end."""
    return f"expected a whole {packing_of(path)} file, received: {error}"


def _unpack(file: io.BufferedReader, path: str, packing: str) -> BinaryIO:
    if packing == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if packing == "bzip2":
        return bz2.BZ2File(file)
    if packing == "xz":
        return lzma.LZMAFile(file)
    if packing == "Zstandard":
        return _zstandard_reader(file, path)
    return _only_member(file, path)


def _zstandard_reader(file: BinaryIO, path: str) -> BinaryIO:
    try:
        import zstandard
    except ImportError:
        raise ImportError(
            f"Expected zstandard to read {path}, received none. Install the extra: "
            "pip install 'clinicalbert_tf[zstd]', or unpack the file (unzstd)."
        ) from None
    return _ZstandardStream(file, zstandard.ZstdDecompressor())


def _only_member(file: BinaryIO, path: str) -> BinaryIO:
    quoted = shlex.quote(path)
    try:
        archive = zipfile.ZipFile(file)
        members = [
            member
            for member in archive.infolist()
            # What macOS adds to each file.
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        foreign_files.check_members(path, [member.filename for member in members])
        if len(members) == 1 and not members[0].flag_bits & 1:
            return archive.open(members[0])
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise NoteSourceError(
            f"{path}: expected a whole zip file, received: {error}. Download the file again, or "
            f"unpack it (unzip {quoted})."
        ) from None
    received = f"{len(members)} of them" if len(members) != 1 else "one with a password"
    raise NoteSourceError(
        f"{path}: expected a zip archive of one file, received {received}. Unpack it (unzip "
        f"{quoted}) and name what to read."
    )


class _ZstandardStream:
    """Frames of Zstandard as bytes; unlike the library's reader it notices one that is cut off."""

    def __init__(self, file: BinaryIO, decompressor):
        self._file, self._decompressor = file, decompressor
        self._frame = None
        self._rest = b""
        self._unpacked = io.BytesIO()

    def read(self, size: int) -> bytes:
        while not (data := self._unpacked.read(size)):
            packed = self._rest or self._file.read(_BUFFER_BYTES)
            if not packed:
                if self._frame is not None:
                    raise EOFError("the file ended inside a frame")
                return b""
            self._frame = self._frame or self._decompressor.decompressobj()
            self._unpacked = io.BytesIO(self._frame.decompress(packed))
            self._rest = self._frame.unused_data if self._frame.eof else b""
            self._frame = None if self._frame.eof else self._frame
        return data

    def close(self) -> None:
        self._unpacked.close()


class _Unpacked(io.RawIOBase):
    """The unpacked bytes; closes the packed file too, and has one kind of error."""

    def __init__(self, stream: BinaryIO, file: BinaryIO):
        super().__init__()
        self._stream, self._file = stream, file
        self._problem: str | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if self._problem is None:
            try:
                data = self._stream.read(len(buffer))
            except Exception as error:
                # The system's errors have a number, those of what was packed only words.
                if getattr(error, "errno", None) is not None:
                    raise
                self._problem = str(error)
            else:
                buffer[: len(data)] = data
                return len(data)
        # Again, if somebody reads on: what is behind the damage is no end of the file.
        raise UnpackingError(self._problem)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._file.close()
        super().close()


class _CountedFile(io.FileIO):
    """A file that tells how many bytes were read."""

    def __init__(self, path: str, on_bytes: OnBytes):
        super().__init__(path)
        self._on_bytes = on_bytes

    def readinto(self, buffer) -> int | None:
        size = super().readinto(buffer)
        self._on_bytes(size or 0)
        return size

"""The members of a tar or zip file as a stream, every byte of it checked.

tarfile ends silently at a damaged header, and gzip's checksum is only looked at by who reads to
the end; both are done here.
"""

import bz2
import contextlib
import dataclasses
import errno
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

_TAR_BLOCK = 512
_SKIPPED = 1 << 20
_OPENERS = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open, "tar": open}
_BEGINNINGS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_DAMAGE = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    UnicodeDecodeError,
)


class ArchiveError(ValueError):
    """An archive is damaged, is none, or holds what a model's archive never holds."""


@dataclasses.dataclass(frozen=True)
class Member:
    """One file or folder of an archive.

    Attributes:
        name: its path as the archive says, not to be trusted.
        size: bytes as the archive says.
        is_folder: a folder, without content.
        open: gives the content as a stream; valid until the next member is taken.
    """

    name: str
    size: int
    is_folder: bool
    open: Callable[[], BinaryIO] = dataclasses.field(repr=False)


def archive_format(path: str) -> str:
    """ "gzip", "bzip2", "xz", "tar" or "zip", by content.

    Raises:
        ArchiveError: none of these, for example the web page of a failed download.
    """
    with open(path, "rb") as file:
        head = file.read(_TAR_BLOCK)
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head[257:262] == b"ustar" or _is_old_tar(head):
        return "tar"
    what = "an empty file" if not head else "other content"
    if head.lstrip()[:1] == b"<":
        what = "a web page (a download that failed)"
    raise ArchiveError(
        f"{path}: expected a .tar.gz, .tar or .zip archive, received {what}, "
        f"{os.path.getsize(path):,} bytes. Download it again."
    )


def _is_old_tar(head: bytes) -> bool:
    """A tar header without magic: the sum of its bytes stands in it."""
    try:
        return len(head) == _TAR_BLOCK and bool(tarfile.TarInfo.frombuf(head, "utf-8", "strict"))
    except (tarfile.HeaderError, UnicodeDecodeError):
        return False


def read_members(path: str) -> Iterator[Member]:
    """The files and folders of an archive in its order; to be used within `reading`.

    Raises:
        ArchiveError: a member is a link, a device or encrypted.
    """
    kind = archive_format(path)
    return _zip_members(path) if kind == "zip" else _tar_members(path, _OPENERS[kind])


@contextlib.contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns what the libraries raise at damage, in a directory or a member, into ArchiveError."""
    try:
        yield
    except _DAMAGE as error:
        # What the file system says of the cache (no space, no right) is no damage; EINVAL is a
        # place before the file's beginning, of a damaged directory.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ArchiveError(
            f"{path}: expected a whole {archive_format(path)} archive, received a damaged or "
            f"truncated one of {os.path.getsize(path):,} bytes ({error.__class__.__name__}). "
            "Download it again."
        ) from None


def safe_name(path: str, name: str) -> str:
    """A member's name as a relative path with slashes, below the folder it is unpacked to.

    Raises:
        ArchiveError: absolute, with "..", a drive, a backslash or a NUL.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    outside = name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name)
    if outside or "\\" in name or "\0" in name:
        raise ArchiveError(
            f"{path}: expected members below the archive's own folder, received {name!r}. It was "
            "not made as model archives are: get it from where it was published."
        )
    return "/".join(parts)


def _refuse_special(path: str, name: str, what: str) -> None:
    raise ArchiveError(
        f"{path}: expected files and folders only, received {what}: {name!r}. Unpack it by hand "
        "and give the folder."
    )


def _tar_members(path: str, opener: Callable) -> Iterator[Member]:
    with opener(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        while (info := archive.next()) is not None:
            if not (info.isreg() or info.isdir()):
                what = "a link" if info.issym() or info.islnk() else "a device or pipe"
                _refuse_special(path, info.name, what)
            open_member = lambda info=info: archive.extractfile(info)
            yield Member(info.name, info.size, info.isdir(), open_member)
            # tarfile keeps every header; a bomb of small members would fill the memory.
            archive.members = []
        _check_end(archive, stream)


def _check_end(archive: tarfile.TarFile, stream: BinaryIO) -> None:
    """Where tarfile stopped there must be the block of zeros that ends every archive."""
    stream.seek(archive.offset)
    block = stream.read(_TAR_BLOCK)
    if block.strip(b"\0") or len(block) != _TAR_BLOCK:
        raise tarfile.ReadError("no end of archive")
    # To the end of the compressed stream, where its checksum is.
    while stream.read(_SKIPPED):
        pass


def _zip_members(path: str) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            # Some zips of Windows have backslashes, which the format does not allow.
            name = info.filename.replace("\\", "/")
            if info.flag_bits & 1:
                _refuse_special(path, info.filename, "an encrypted file")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                _refuse_special(path, info.filename, "a link or device")
            is_folder = name.endswith("/") or kind == stat.S_IFDIR
            open_member = lambda info=info: _open_zip_member(archive, info)
            yield Member(name, 0 if is_folder else info.file_size, is_folder, open_member)


@contextlib.contextmanager
def _open_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[BinaryIO]:
    with archive.open(info) as stream:
        yield stream

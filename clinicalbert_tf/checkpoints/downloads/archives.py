"""Downloaded archives -> folders in a cache, each unpacked once, whole or not at all.

An archive is someone else's file: nothing in it may write outside its own folder, be a link or
fill the disk.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator

from tqdm import tqdm

from clinicalbert_tf.checkpoints.downloads.archive_members import (
    ArchiveError,
    Member,
    archive_format,
    read_members,
    reading,
    safe_name,
)

__all__ = [
    "ArchiveError",
    "ArchiveLimits",
    "archive_stem",
    "cache_folder",
    "is_archive",
    "unpack",
]

CACHE_VARIABLE = "CLINICALBERT_TF_CACHE"
ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_ZIPPED_WEIGHTS = (".bin", ".pt", ".pth", ".npz", ".keras")
_CONTENT = "content"
_INFO = "archive.json"
_BLOCK = 1 << 20


@dataclasses.dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may unpack to.

    Attributes:
        total_bytes: of all members together.
        member_bytes: of one member.
        members: number of files and folders.
        ratio: unpacked bytes for each byte of the archive, checked once more than
            `ratio_floor_bytes` have been written (a small archive of zeros does no harm).
        ratio_floor_bytes: see ratio.
    """

    total_bytes: int = 32 << 30
    member_bytes: int = 16 << 30
    members: int = 10_000
    ratio: float = 200.0
    ratio_floor_bytes: int = 256 << 20


DEFAULT_LIMITS = ArchiveLimits()


def cache_folder(cache_dir: str | os.PathLike | None = None) -> str:
    """The cache: `cache_dir`, $CLINICALBERT_TF_CACHE or ~/.cache/clinicalbert_tf; made (0700).

    Raises:
        OSError: it cannot be made or written; the message says what to give instead.
    """
    folder = os.path.abspath(
        os.path.expanduser(
            os.fspath(cache_dir or os.environ.get(CACHE_VARIABLE) or "~/.cache/clinicalbert_tf")
        )
    )
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"Expected a folder for the cache at {folder}, received: {error.strerror}. Give "
            f"another folder with cache_dir (--cache_dir) or ${CACHE_VARIABLE}."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(
            f"Expected a cache that can be written at {folder}, received one that cannot. Give "
            f"another folder with cache_dir (--cache_dir) or ${CACHE_VARIABLE}."
        )
    return folder


def is_archive(path: str | os.PathLike) -> bool:
    """Whether a file is meant as a tar (plain or compressed) or a zip.

    By name, so that unpacking a broken download tells what is wrong with it; else by content,
    where files that are a zip by content only (weights of torch, NumPy or Keras) are none.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        return False
    name = path.lower()
    if name.endswith(ARCHIVE_ENDINGS):
        return True
    if name.endswith(_ZIPPED_WEIGHTS):
        return False
    try:
        return bool(archive_format(path))
    except ArchiveError:
        return False


def archive_stem(path: str | os.PathLike) -> str:
    """A file's name without the ending of an archive: pretrained_bert_tf for ...tf.tar.gz."""
    name = os.path.basename(os.fspath(path))
    ending = next((end for end in ARCHIVE_ENDINGS if name.lower().endswith(end)), "")
    return name[: len(name) - len(ending)]


def unpack(
    path: str | os.PathLike,
    cache_dir: str | os.PathLike | None = None,
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> str:
    """Unpacks an archive into the cache, or finds it there.

    An archive is known again by its path, size and time of change. Archives inside it stay
    archives. Everything is written to a temporary folder that is renamed when complete, so two
    processes may do the same at once and a killed one leaves nothing that looks whole.

    Args:
        path: .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz or .zip; the content counts, not the name.
        cache_dir: see cache_folder.
        limits: bounds of what is written.

    Returns:
        The folder that holds the archive's members (files 0600, folders 0700).

    Raises:
        FileNotFoundError: there is no such file.
        ArchiveError: not an archive, damaged, truncated, encrypted, over the limits, or with
            members that are links, devices or outside the folder.
    """
    path = os.path.realpath(os.path.expanduser(os.fspath(path)))
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected an archive (.tar.gz, .tgz, .tar or .zip) at {path}, found no such file. "
            "Check the path."
        )
    cache = cache_folder(cache_dir)
    entry = os.path.join(cache, _entry_name(path))
    content = os.path.join(entry, _CONTENT)
    if os.path.isdir(content):
        return content
    temporary = tempfile.mkdtemp(prefix=".unpacking-", dir=cache)
    try:
        written = extract_members(path, os.path.join(temporary, _CONTENT), limits)
        _write_info(temporary, path, written)
        _rename_or_keep(temporary, entry)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return content


def _entry_name(path: str) -> str:
    status = os.stat(path)
    identity = json.dumps([path, status.st_size, status.st_mtime_ns])
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in archive_stem(path))
    return f"{stem[:80]}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def _rename_or_keep(temporary: str, entry: str) -> None:
    try:
        os.rename(temporary, entry)
    except OSError:
        # Another process was faster; its folder is as complete as this one.
        if not os.path.isdir(os.path.join(entry, _CONTENT)):
            raise


def _write_info(folder: str, path: str, written: dict[str, int]) -> None:
    with open(os.path.join(folder, _INFO), "w", encoding="utf-8") as file:
        json.dump({"archive": path, "bytes": os.path.getsize(path), **written}, file, indent=1)
        file.write("\n")


def extract_members(path: str, target: str, limits: ArchiveLimits) -> dict[str, int]:
    """Writes every member below `target`; returns the numbers of members and bytes."""
    os.mkdir(target, 0o700)
    with reading(path), _progress(path) as progress:
        budget = _Budget(path, limits, progress)
        for member in read_members(path):
            budget.next_member(member)
            destination = os.path.join(target, safe_name(path, member.name))
            try:
                _write_member(destination, member, budget)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                raise ArchiveError(
                    f"{path}: expected every member once, received {member.name!r} twice or as "
                    "file and folder. Unpack it by hand and give the folder."
                ) from None
    if not budget.members:
        raise ArchiveError(
            f"{path}: expected a model's files, received an empty {archive_format(path)} archive. "
            "Download it again."
        )
    return {"members": budget.members, "unpacked_bytes": budget.written}


def _progress(path: str) -> tqdm:
    return tqdm(desc=f"unpacking {os.path.basename(path)}", unit="B", unit_scale=True, disable=None)


def _write_member(destination: str, member: Member, budget: "_Budget") -> None:
    if member.is_folder:
        os.makedirs(destination, mode=0o700, exist_ok=True)
        return
    os.makedirs(os.path.dirname(destination), mode=0o700, exist_ok=True)
    descriptor = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        for block in _blocks(member):
            budget.spend(member, len(block))
            file.write(block)


def _blocks(member: Member) -> Iterator[bytes]:
    with member.open() as stream:
        while block := stream.read(_BLOCK):
            yield block


class _Budget:
    """Counts what an archive unpacks to; raises at the first byte too many."""

    def __init__(self, path: str, limits: ArchiveLimits, progress: tqdm):
        self._path, self._limits, self._progress = path, limits, progress
        self._most_by_ratio = max(
            limits.ratio_floor_bytes, int(limits.ratio * os.path.getsize(path))
        )
        self.members = self.written = self._of_member = 0

    def next_member(self, member: Member) -> None:
        self.members += 1
        self._of_member = 0
        if self.members > self._limits.members:
            self._refuse("members", self._limits.members, "files and folders")
        # What the directory announces is refused before it is written.
        self._check(member, member.size, self.written + member.size)

    def spend(self, member: Member, size: int) -> None:
        self._of_member += size
        self.written += size
        self._progress.update(size)
        self._check(member, self._of_member, self.written)

    def _check(self, member: Member, of_member: int, in_all: int) -> None:
        if of_member > self._limits.member_bytes:
            self._refuse("member_bytes", self._limits.member_bytes, f"bytes in {member.name!r}")
        if in_all > self._limits.total_bytes:
            self._refuse("total_bytes", self._limits.total_bytes, "bytes in all")
        if in_all > self._most_by_ratio:
            self._refuse("ratio", self._limits.ratio, "bytes for each byte of the archive")

    def _refuse(self, limit: str, value: float, unit: str) -> None:
        raise ArchiveError(
            f"{self._path}: expected at most {value:,} {unit}, received more. If the archive is "
            f"what it should be, unpack it with ArchiveLimits({limit}=...) or by hand."
        )

"""The files of a release: a folder or archives, as downloaded or as unpacked."""

import collections
import dataclasses
import os
import pathlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

_ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2")
# No file of a release is near this; an archive that claims more is not a release.
_LARGEST_FILE = 1 << 30


@dataclasses.dataclass(frozen=True)
class ReleaseFile:
    """One file.

    Attributes:
        path: for messages: its path, or `ARCHIVE!MEMBER`.
        parts: folder names and file name below the release's folder; an archive counts as a
            folder of its name without the ending.
        read: returns its bytes.
    """

    path: str
    parts: tuple[str, ...]
    read: Callable[[], bytes] = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.parts[-1]

    @property
    def stem(self) -> str:
        """The file's name without its last ending."""
        return self.name.rpartition(".")[0] or self.name

    def below(self, *words: str) -> bool:
        """Whether the name of a folder above holds one of `words` (lower case)."""
        return any(word in part.lower() for part in self.parts[:-1] for word in words)


def decode(source: str, data: bytes) -> str:
    """Text of bytes in UTF-8, without a byte order mark.

    Raises:
        ValueError: other bytes; names the place.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start
    raise ValueError(
        f"{source}: expected UTF-8, received other bytes (at byte {place + 1}). Convert the file, "
        "for example with iconv."
    )


def release_files(data_dir: str, skipped: collections.Counter) -> list[ReleaseFile]:
    """The files below a folder and in the archives that lie in it.

    An archive beside the folder that it was unpacked to is left out, as are the files that macOS
    adds to archives.

    Args:
        data_dir: a folder, or one archive.
        skipped: receives the number of files left out, by reason.

    Returns:
        The files in the order of their paths.

    Raises:
        FileNotFoundError: there is no such folder or archive.
        ValueError: an archive is damaged.
    """
    root = pathlib.Path(data_dir)
    if not root.exists():
        raise FileNotFoundError(
            f"Expected a folder with the release's files or archives, found none at {data_dir}. "
            "Check --data_dir."
        )
    if root.is_file():
        paths = [root]
        root = root.parent
    else:
        paths = [
            pathlib.Path(folder) / name for folder, _, names in os.walk(root) for name in names
        ]
    found: list[ReleaseFile] = []
    for path in sorted(paths):
        stem = _archive_stem(path.name)
        if stem is None:
            parts = path.relative_to(root).parts
            found.append(ReleaseFile(str(path), parts, path.read_bytes))
        elif len(paths) > 1 and (path.parent / stem).is_dir():
            skipped["archive that is also there unpacked"] += 1
        else:
            above = path.relative_to(root).parts[:-1]
            found += [
                dataclasses.replace(member, parts=(*above, stem, *member.parts))
                for member in _members(path)
            ]
    return sorted(_without_litter(found, skipped), key=lambda file: file.parts)


def _without_litter(
    files: list[ReleaseFile], skipped: collections.Counter
) -> Iterator[ReleaseFile]:
    for file in files:
        if file.name.startswith("._") or "__MACOSX" in file.parts or file.name == ".DS_Store":
            skipped["added by macOS"] += 1
        else:
            yield file


def _archive_stem(name: str) -> str | None:
    for ending in _ARCHIVES:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return None


def _members(path: pathlib.Path) -> list[ReleaseFile]:
    """Reads an archive into memory: a release of notes is a few megabytes."""
    contents: list[tuple[str, bytes]] = []
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        _check_size(path, info.file_size)
                        contents.append((info.filename, archive.read(info)))
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    if member.isfile():
                        _check_size(path, member.size)
                        contents.append((member.name, archive.extractfile(member).read()))
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(
            f"{path}: expected a whole archive, received one that cannot be read "
            f"({type(error).__name__}). Download it again, or unpack it yourself."
        ) from None
    return [
        ReleaseFile(
            f"{path}!{name}",
            tuple(part for part in pathlib.PurePosixPath(name).parts if part not in ("/", "..")),
            lambda data=data: data,
        )
        for name, data in contents
    ]


def _check_size(path: pathlib.Path, size: int) -> None:
    if size > _LARGEST_FILE:
        raise ValueError(
            f"{path}: expected files of at most {_LARGEST_FILE} bytes in a release, received one "
            f"of {size}. Unpack the archive yourself if it is what you want."
        )

"""Files that every machine of a cluster sees: a shared folder, or a bucket through Apache Beam.

Paths with one of `SCHEMES` go through Beam's file systems and are copied to the local disk before
they are read; all others must lie in a folder that every worker has mounted at the same place.
"""

import os
import shutil
from collections.abc import Iterable

from tfrecords_builder import files
from tfrecords_builder.notes.sources import input_files

SCHEMES = ("gs://", "s3://", "hdfs://", "azfs://")
_BLOCK_BYTES = 1 << 20


def is_remote(path: str) -> bool:
    """Whether a path is read and written through Beam's file systems."""
    return path.startswith(SCHEMES)


def _file_systems():
    """Returns Beam's file systems.

    Raises:
        ImportError: Apache Beam is not installed.
    """
    try:
        from apache_beam.io.filesystems import FileSystems
    except ImportError:
        raise ImportError(
            f"Expected Apache Beam to read and write {', '.join(SCHEMES)}, received none. Install "
            "the extra: pip install 'clinicalbert_tf[beam]', on every worker too, or use a folder "
            "that every worker has mounted.",
            name="apache_beam",
        ) from None
    return FileSystems


def find(patterns: Iterable[str]) -> list[str]:
    """Resolves paths and globs, in their order; a glob's files by name.

    Raises:
        FileNotFoundError: a path or glob names no file, or there is none at all.
        ValueError: see `input_files.check_different`.
    """
    named: list[tuple[str, str]] = []
    for pattern in patterns:
        if not is_remote(pattern):
            named += [(pattern, path) for path in input_files.find_sources([pattern])]
            continue
        found = sorted(file.path for file in _file_systems().match([pattern])[0].metadata_list)
        if not found:
            raise FileNotFoundError(
                f"Expected input files at {pattern}, received none. Check the path or glob, and "
                "that this machine may read there."
            )
        named += [(pattern, path) for path in found]
    if not named:
        raise FileNotFoundError("Expected input files, received none. Name at least one.")
    input_files.check_different(named)
    return [path for _, path in named]


def names_in(folder: str) -> list[str]:
    """The names of the files in a folder, in order; none if there is no such folder."""
    if is_remote(folder):
        found = _file_systems().match([_file_systems().join(folder, "*")])[0].metadata_list
        return sorted(os.path.basename(file.path) for file in found)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def join(folder: str, name: str) -> str:
    """The path of a name in a folder."""
    return _file_systems().join(folder, name) if is_remote(folder) else os.path.join(folder, name)


def remove(path: str) -> None:
    """Deletes a file."""
    if is_remote(path):
        _file_systems().delete([path])
    else:
        os.unlink(path)


def fetch(path: str, scratch: str) -> str:
    """Makes a file readable by its local path, under its own name.

    Args:
        path: any path.
        scratch: a local folder for the copy of a remote file.

    Returns:
        The local path.
    """
    if not is_remote(path):
        return path
    local = os.path.join(scratch, os.path.basename(path))
    # Not unpacked here: the reader unpacks it.
    with (
        _file_systems().open(path, compression_type="uncompressed") as source,
        files.open_private(local) as copy,
    ):
        shutil.copyfileobj(source, copy, _BLOCK_BYTES)
    return local


def publish(local: str, target: str) -> None:
    """Gives a finished local file its place, in one rename, whatever other workers do.

    Two workers may build the same file when a runner repeats work: each writes under a name of
    its own, and the contents are equal.
    """
    if not is_remote(target):
        with files.open_private(target) as copy, open(local, "rb") as source:
            shutil.copyfileobj(source, copy, _BLOCK_BYTES)
        return
    temporary = files.temporary_name(target)
    with (
        open(local, "rb") as source,
        _file_systems().create(temporary, compression_type="uncompressed") as copy,
    ):
        shutil.copyfileobj(source, copy, _BLOCK_BYTES)
    # Some file systems do not rename onto a file that is there.
    if _file_systems().exists(target):
        _file_systems().delete([target])
    _file_systems().rename([temporary], [target])

"""Paths, globs and database URLs from flags to inputs."""

import glob
import hashlib
import os
import re
from collections.abc import Iterable
from typing import Any

from tfrecords_builder import schema
from tfrecords_builder.sources import note_files, note_sql

# Addresses of files, which no database driver opens.
_REMOTE = re.compile(r"(gs|s3|hdfs|azfs|https?|ftp)://")


def split(flag: str) -> list[str]:
    """The parts of a comma-separated flag, without blanks around them."""
    return [part for part in map(str.strip, flag.split(",")) if part]


def split_sources(values: Iterable[str]) -> list[str]:
    """The sources that a flag given several times names, a comma between two.

    A database's URL with its query stands alone: queries have commas of their own.
    """
    return [
        source
        for value in values
        for source in ([value.strip()] if note_sql.is_url(value) and "#" in value else split(value))
    ]


def find_sources(patterns: Iterable[str]) -> list[str]:
    """Resolves sources of notes, in their order: database URLs, folders, paths and globs.

    Raises:
        FileNotFoundError: a path or glob names nothing, or is the address of a remote file; or
            there is none at all.
    """
    sources = []
    for pattern in patterns:
        if _REMOTE.match(pattern):
            raise FileNotFoundError(
                f"Expected files of this machine or a database's URL, received {pattern}. Copy "
                "the file here, or use --runner=beam for files in a bucket."
            )
        if note_sql.is_url(pattern) or os.path.isdir(pattern):
            sources.append(pattern)
        else:
            sources += find([pattern])
    return sources or find([])


def find(patterns: Iterable[str]) -> list[str]:
    """Resolves paths and globs to files, in their order; a glob's files by name.

    Raises:
        FileNotFoundError: a path or glob names no file, or there is none at all.
    """
    paths = []
    for pattern in patterns:
        found = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern))
        found = list(filter(os.path.isfile, found))
        if not found:
            raise FileNotFoundError(
                f"Expected input files at {pattern}, received none. Check the path or glob."
            )
        paths.extend(found)
    if not paths:
        raise FileNotFoundError("Expected input files, received none. Name at least one.")
    return paths


def describe(source: str) -> dict[str, Any]:
    """A source as it stands in the manifest.

    Returns:
        {"path", "bytes", "sha256"}. A folder's hash is that of its files' names and hashes. A
        database has neither bytes nor hash (None), and its URL stands without the password.
    """
    if note_sql.is_url(source):
        return {"path": note_sql.source_name(source), "bytes": None, "sha256": None}
    if not os.path.isdir(source):
        digest, size = schema.file_sha256(source), os.path.getsize(source)
        return {"path": source, "bytes": size, "sha256": digest}
    digest, size = hashlib.sha256(), 0
    for name in note_files.files_of_folder(source):
        path = os.path.join(source, name)
        digest.update(f"{name}\0{schema.file_sha256(path)}\n".encode("utf-8", "surrogateescape"))
        size += os.path.getsize(path)
    return {"path": source, "bytes": size, "sha256": digest.hexdigest()}

"""Paths, globs and database URLs from flags to inputs."""

import glob
import hashlib
import os
import re
from collections.abc import Iterable
from typing import Any

from tfrecords_builder import schema
from tfrecords_builder.notes.sources import database_urls, note_folders

# What stands for standard input.
_STREAMS = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
# Addresses of files, which no database driver opens.
REMOTE = re.compile(r"(gs|s3|hdfs|azfs|https?|ftp)://")
_PART_WITH_SCHEME = re.compile(r"(?:^|,)\s*(\w+(?:\+\w+)?://)")


def split(flag: str) -> list[str]:
    """The parts of a comma-separated flag, without blanks around them."""
    return [part for part in map(str.strip, flag.split(",")) if part]


def split_sources(values: Iterable[str]) -> list[str]:
    """The sources that a flag given several times names, a comma between two.

    A database's URL with its query stands alone: queries have commas of their own, and passwords.
    """
    sources = []
    for value in values:
        urls = (found.start(1) for found in _PART_WITH_SCHEME.finditer(value))
        first = next((start for start in urls if not REMOTE.match(value, start)), len(value))
        sources += split(value[:first]) + database_urls.split_urls(value[first:])
    return sources


def is_remote(source: str) -> bool:
    """Whether a source is the address of a file on another machine, such as a bucket's."""
    return REMOTE.match(source) is not None


def find_sources(patterns: Iterable[str]) -> list[str]:
    """Resolves sources of notes, in their order: database URLs, folders, paths and globs.

    Raises:
        FileNotFoundError: a path or glob names nothing, or is the address of a remote file; or
            there is none at all.
        ValueError: two of them name the same notes, or a URL is not as expected.
    """
    named = []
    for pattern in patterns:
        if is_remote(pattern):
            raise FileNotFoundError(
                "Expected files of this machine or a database's URL, received "
                f"{database_urls.source_name(pattern)}. Copy the file here, or use --runner=beam "
                "for files in a bucket."
            )
        if database_urls.is_url(pattern):
            database_urls.check_source(pattern)
            named.append((pattern, pattern))
        elif os.path.isdir(pattern):
            named.append((pattern, pattern))
        else:
            named += [(pattern, path) for path in find([pattern])]
    check_different(named)
    return [source for _, source in named] or find([])


def check_different(named: Iterable[tuple[str, str]]) -> None:
    """Refuses notes that are named twice: a model would be trained on them twice as much.

    Args:
        named: what a flag names, and a source that it gives: a path without glob, or a URL; these
            are compared as they stand.

    Raises:
        ValueError: two are, or hold, the same file; names both.
    """
    names: dict[str, str] = {}
    for pattern, source in named:
        name = database_urls.source_name(pattern)
        for file in _files_of(source):
            if file in names:
                raise ValueError(
                    "Expected different notes from every input, received the same twice: "
                    f"{database_urls.source_name(file)}, by {names[file]} and by {name}. Drop one "
                    "of the two."
                )
            names[file] = name


def _files_of(source: str) -> list[str]:
    """What a source reads: real paths of files, or the URL."""
    if database_urls.is_url(source):
        return [source]
    if not os.path.isdir(source):
        return [os.path.realpath(source)]
    return [
        os.path.realpath(os.path.join(source, name))
        for name in note_folders.files_of_folder(source)
    ]


def find(patterns: Iterable[str]) -> list[str]:
    """Resolves paths and globs to files, in their order; a glob's files by name.

    Raises:
        FileNotFoundError: a path or glob names no file, or there is none at all.
    """
    paths = []
    for pattern in patterns:
        if pattern in _STREAMS:
            raise FileNotFoundError(
                f"Expected files, received {pattern}: inputs are read several times, which "
                "standard input cannot be. Write it to a file (cat > notes.csv) and name that."
            )
        found = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern))
        found = list(filter(os.path.isfile, found))
        if not found:
            raise FileNotFoundError(
                f"Expected input files at {database_urls.source_name(pattern)}, received none. "
                "Check the path or glob."
            )
        paths.extend(found)
    if not paths:
        raise FileNotFoundError("Expected input files, received none. Name at least one.")
    return paths


def describe(source: str) -> dict[str, Any]:
    """A source as it stands in the manifest.

    Returns:
        {"path", "bytes", "sha256"}. A folder's hash is that of its files' names and hashes. A
        database has neither bytes nor hash (None), but "query_sha256", of the query itself, also
        where a file holds it; its URL stands without the password.
    """
    if database_urls.is_url(source):
        return {
            "path": database_urls.source_name(source),
            "bytes": None,
            "sha256": None,
            "query_sha256": database_urls.query_sha256(source),
        }
    if not os.path.isdir(source):
        digest, size = schema.file_sha256(source), os.path.getsize(source)
        return {"path": source, "bytes": size, "sha256": digest}
    digest, size = hashlib.sha256(), 0
    for name in note_folders.files_of_folder(source):
        path = os.path.join(source, name)
        digest.update(f"{name}\0{schema.file_sha256(path)}\n".encode("utf-8", "surrogateescape"))
        size += os.path.getsize(path)
    return {"path": source, "bytes": size, "sha256": digest.hexdigest()}

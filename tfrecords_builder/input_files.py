"""Paths and globs from flags to files."""

import glob
import os
from collections.abc import Iterable


def split(flag: str) -> list[str]:
    """The parts of a comma-separated flag, without blanks around them."""
    return [part for part in map(str.strip, flag.split(",")) if part]


def find(patterns: Iterable[str]) -> list[str]:
    """Resolves paths and globs, in their order; a glob's files by name.

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

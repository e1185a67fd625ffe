"""Which files of a folder hold its notes, and what else lies there."""

import os
import re
from collections.abc import Iterator

from tfrecords_builder.notes.sources.note_rows import NoteSourceError
from tfrecords_builder.notes.sources.packed_files import SUFFIXES as PACKED_SUFFIXES
from tfrecords_builder.notes.sources.packed_files import without_suffix

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIX = ".parquet"
TEXT_SUFFIX = ".txt"
# Kinds of files in a folder, as they are called in messages.
_TEXT, _PARQUET, _TABLES = ".txt", ".parquet", "tables or JSON lines (.csv, .tsv, .jsonl)"
_TABLE_SUFFIXES = (".csv", ".tsv", *JSON_LINES_SUFFIXES)
# What programs keep beside data; nobody misses it.
_SIDE_FILES = re.compile(r"_SUCCESS|_metadata|_common_metadata|\..*\.crc|\.DS_Store|Thumbs\.db")


def holds_parquet(path: str) -> bool:
    """Whether a folder holds Parquet files, as Spark writes them.

    Raises:
        NoteSourceError: it holds text files too.
    """
    return any(map(is_parquet, files_of_folder(path)))


def is_parquet(path: str) -> bool:
    """Whether a name is a Parquet file's."""
    return path.lower().endswith(PARQUET_SUFFIX)


def files_of_folder(path: str) -> list[str]:
    """The files of a folder that hold its notes, below it and sorted by name.

    Names that begin with `.` or `_` are passed over, of files and of folders: other programs keep
    there what is no data, such as `.ipynb_checkpoints` and Spark's `_temporary`.

    Raises:
        NoteSourceError: there are files of several kinds that could be its notes: text files,
            Parquet files, tables or JSON lines; only one of them is notes.
        OSError: a folder below it cannot be read.
    """
    kinds: dict[str, list[str]] = {}
    for name in _files_below(path):
        if kind := _kind_of_notes(name):
            kinds.setdefault(kind, []).append(name)
    if len(kinds) > 1:
        found = sorted(((kind, len(names)) for kind, names in kinds.items()), reverse=True)
        counts = ", ".join(f"{number} {kind}" for kind, number in found)
        raise NoteSourceError(
            f"{path}: expected files of one kind with the notes in this folder, received {counts}. "
            "Name what holds the notes (tables and JSON lines by their paths or a glob, such as "
            "--input=FOLDER/NAME.csv.gz), or give each kind a folder of its own."
        )
    return sorted([*kinds.get(_TEXT, ()), *kinds.get(_PARQUET, ())])


def _kind_of_notes(name: str) -> str | None:
    if name.lower().endswith(TEXT_SUFFIX):
        return _TEXT
    if is_parquet(name):
        return _PARQUET
    return _TABLES if without_suffix(name).endswith(_TABLE_SUFFIXES) else None


def files_not_read(path: str) -> dict[str, int]:
    """Counts the files of a folder that are not read, by kind: names may be those of patients.

    Returns:
        {kind: files}: an ending such as ".xml" or ".txt.gz", "no ending", or "name begins with . or
        _". What Spark and desktops keep there is left out.
    """
    read = set(files_of_folder(path))
    kinds: dict[str, int] = {}
    for name in _files_below(path, hidden=True):
        base = os.path.basename(name)
        if name not in read and not _SIDE_FILES.fullmatch(base):
            kind = _kind_shown(base)
            kinds[kind] = kinds.get(kind, 0) + 1
    return dict(sorted(kinds.items()))


def _kind_shown(name: str) -> str:
    if name.startswith((".", "_")):
        return "name begins with . or _"
    stem, ending = os.path.splitext(name.lower())
    if ending in PACKED_SUFFIXES:
        ending = os.path.splitext(stem)[1] + ending
    # A long one is no kind of file but part of a name.
    return ending if 1 < len(ending) <= 12 else "no ending"


def others_of(path: str) -> str:
    """What a folder without notes holds instead, for an error."""
    counts = files_not_read(path) | {
        _TABLES: sum(_kind_of_notes(name) == _TABLES for name in _files_below(path))
    }
    if counts.pop(_TABLES):
        return ", but tables or JSON lines: name them by their paths or a glob"
    shown = ", ".join(f"{number} with {kind}" for kind, number in counts.items())
    return f" ({shown})" if shown else ""


def _files_below(path: str, hidden: bool = False) -> Iterator[str]:
    """The files below a folder; with `hidden` also those whose names begin with `.` or `_`."""
    for folder, folders, names in os.walk(path, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if hidden or not name.startswith((".", "_")):
                yield os.path.relpath(os.path.join(folder, name), path)


def _raise(error: OSError) -> None:
    raise error

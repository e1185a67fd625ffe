"""Reads notes from JSON lines, from a folder of text files and from Parquet."""

import json
import os
import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from tfrecords_builder.notes.sources.note_folders import (
    PARQUET_SUFFIX,
    TEXT_SUFFIX,
    files_of_folder,
    others_of,
)
from tfrecords_builder.notes.sources.note_rows import (
    NoteRows,
    NoteSourceError,
    SourceNote,
    check_decoded,
    check_ids,
)
from tfrecords_builder.notes.sources.packed_files import (
    OnBytes,
    UnpackingError,
    damaged,
    open_text,
    without_suffix,
)
from tfrecords_builder.schema import Note

_JSON_NAMES = ("note_id", "text", "category", "note_type", "subject_id", "hadm_id", "iserror")
_PARQUET_NAMES = frozenset((*_JSON_NAMES, "row_id"))
_PARQUET_ROWS = 512


def read_json_lines(
    path: str, on_bytes: OnBytes | None = None, needed: Collection[str] = ()
) -> Iterator[SourceNote]:
    """Streams one JSON object a line: note_id, text, and category, subject_id, hadm_id if known.

    Args:
        path: the file, packed or not.
        on_bytes: told of the bytes of the file that were read.
        needed: names without which notes cannot be left out as was asked.

    Raises:
        FileNotFoundError: there is no such file.
        NoteSourceError: a line is no JSON object or not UTF-8, lacks its note_id or text, or a
            gzip file is cut off; names the line. At the end: no line at all has a needed name.
    """
    layouts: dict[tuple[str, ...], NoteRows] = {}
    line_number = 0
    # Every line end ends a line: JSON writes those of a text as \\n and \\r.
    with open_text(path, newline=None, on_bytes=on_bytes) as file:
        try:
            for line_number, line in enumerate(file, start=1):
                if line.isspace():
                    continue
                fields = _json_object(path, line_number, line)
                names = tuple(name for name in _JSON_NAMES if name in fields)
                if names not in layouts:
                    layouts[names] = NoteRows(path, names)
                yield layouts[names].note(line_number, [fields[name] for name in names])
            if layouts:
                check_ids(path, set().union(*layouts), needed)
            return
        except UnpackingError as error:
            problem = damaged(path, error)
    raise NoteSourceError(f"{path}, line {line_number + 1}: {problem}. Download the file again.")


def read_text_folder(
    path: str, on_bytes: OnBytes | None = None, needed: Collection[str] = ()
) -> Iterator[SourceNote]:
    """Streams the `.txt` files below a folder, sorted by name, a note a file.

    The file's path below the folder, without its ending, is the note's id, the folder in which it
    lies its category; subject_id and hadm_id there are none.

    Raises:
        NoteSourceError: there is no `.txt` file, one is not UTF-8, or an id is needed.
    """
    check_ids(path, (), needed)
    names = files_of_folder(path)
    if not names:
        raise NoteSourceError(
            f"{path}: expected {TEXT_SUFFIX} or {PARQUET_SUFFIX} files in this folder, received "
            f"none{others_of(path)}. Check the path."
        )
    for name in names:
        text = _whole_text(os.path.join(path, name), f"{path}, file {name}", on_bytes)
        yield SourceNote(Note(name[: -len(TEXT_SUFFIX)], os.path.dirname(name), text), False)


def read_text_file(
    path: str, on_bytes: OnBytes | None = None, needed: Collection[str] = ()
) -> Iterator[SourceNote]:
    """Reads a text file, packed or not, as one note; its name without its ending is its id.

    Raises:
        NoteSourceError: it is not UTF-8, or an id is needed.
    """
    check_ids(path, (), needed)
    name = os.path.basename(path)
    note_id = name[: len(without_suffix(name))]
    note_id = note_id[: -len(TEXT_SUFFIX)] if without_suffix(name).endswith(TEXT_SUFFIX) else name
    yield SourceNote(Note(note_id, "", _whole_text(path, path, on_bytes)), False)


def _whole_text(path: str, shown: str, on_bytes: OnBytes | None) -> str:
    try:
        with open_text(path, newline=None, on_bytes=on_bytes) as file:
            text = file.read()
    except UnpackingError as error:
        problem = damaged(path, error)
    else:
        check_decoded(shown, 1, text)
        return text
    raise NoteSourceError(f"{shown}: {problem}. Download the file again.")


def read_parquet(
    path: str, on_bytes: OnBytes | None = None, needed: Collection[str] = ()
) -> Iterator[SourceNote]:
    """Streams a Parquet file, or the Parquet files of a folder sorted by name.

    The columns are those of `note_rows.NoteRows`.

    Raises:
        ImportError: pyarrow is not installed; names the extra.
        NoteSourceError: a column is missing, a row has no id or is not UTF-8, or a file is damaged.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            f"Expected pyarrow to read {path}, received none. "
            "Install the extra: pip install clinicalbert_tf[parquet]."
        ) from None
    folder = os.path.isdir(path)
    for name in files_of_folder(path) if folder else [""]:
        file_path = os.path.join(path, name) if folder else path
        row = 0
        try:
            # Row groups can be large: they are read piece by piece.
            file = pyarrow.parquet.ParquetFile(file_path, buffer_size=1 << 20, pre_buffer=False)
            used = [
                column for column in file.schema_arrow.names if column.lower() in _PARQUET_NAMES
            ]
            rows = NoteRows(file_path, used, needed=needed)
            bytes_a_row = os.path.getsize(file_path) / max(1, file.metadata.num_rows)
            for batch in file.iter_batches(_PARQUET_ROWS, columns=used):
                if on_bytes:
                    on_bytes(int(bytes_a_row * batch.num_rows))
                for fields in zip(*_values(file_path, row, batch.columns), strict=True):
                    row += 1
                    yield rows.note(row, fields)
            continue
        except (pyarrow.ArrowException, OSError) as error:
            problem = type(error).__name__
        raise NoteSourceError(
            f"{file_path}, after row {row}: expected a whole Parquet file, received one that "
            f"pyarrow cannot read ({problem}). Write or download it again."
        )


def _values(path: str, row: int, columns: Sequence[Any]) -> list[list[Any]]:
    """Columns of Parquet as Python's values; `row` rows came before them."""
    try:
        return [column.to_pylist() for column in columns]
    except UnicodeDecodeError:
        # The exception holds the text. Parquet does not check that its strings are UTF-8.
        place = min(map(_first_not_utf8, columns))
    raise NoteSourceError(
        f"{path}, row {row + place + 1}: expected UTF-8, received bytes that are not. Write the "
        "file again from text that was decoded with its own encoding."
    )


def _first_not_utf8(column: Any) -> int:
    """The first row that cannot be decoded; the number of rows where all can."""
    for place, value in enumerate(column):
        try:
            value.as_py()
        except UnicodeDecodeError:
            return place
    return len(column)


def _json_object(path: str, line_number: int, line: str) -> dict:
    check_decoded(path, line_number, line)
    if line_number == 1 and line.lstrip()[:1] == "[":
        raise NoteSourceError(
            f"{path}: expected one JSON object per line, received a JSON array. Write an object "
            f"per line: jq -c '.[]' {shlex.quote(path)} > notes.jsonl (pandas: to_json(..., "
            "orient='records', lines=True))."
        )
    problem, received, advice = None, "something else", ""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        # The decoder's exception holds the line itself.
        fields, problem = None, getattr(error, "msg", None)
    if isinstance(fields, dict):
        fields = {name.strip().lower(): value for name, value in fields.items()}
        if "row_id" in fields and "note_id" not in fields:
            fields["note_id"] = fields["row_id"]
        if "note_id" in fields and "text" in fields:
            return fields
        missing = " and ".join(name for name in ("note_id", "text") if name not in fields)
        received = f"an object without {missing}"
    elif problem == "Extra data" or (line_number == 1 and line.strip() == "{"):
        received = "several objects" if problem == "Extra data" else "an object over several lines"
        advice = f" (jq -c . {shlex.quote(path)} > notes.jsonl)"
    raise NoteSourceError(
        f"{path}, line {line_number}: expected a JSON object with note_id and text, received "
        f'{received}. Write one object a line: {{"note_id": ..., "text": ...}}{advice}.'
    )

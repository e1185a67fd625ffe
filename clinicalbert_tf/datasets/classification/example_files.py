"""Reads examples from tables by the names of their columns."""

import ast
import contextlib
import dataclasses
import hashlib
import math
from collections.abc import Iterator
from typing import Any

from clinicalbert_tf.datasets.classification.examples import PROBLEM_TYPES, Example, Label, Split
from clinicalbert_tf.datasets.classification.text_store import TextStore, stored
from clinicalbert_tf.datasets.table import (
    RowCounts,
    TableError,
    TableFormat,
    TableRow,
    cell_text,
    read_rows,
    require_columns,
)

_FLAGS = "--text_a, --text_b, --label, --id and --group"


@dataclasses.dataclass(frozen=True)
class ColumnLayout:
    """Which columns of a table are what.

    Attributes:
        text_a: column of the text.
        text_b: column of the second text, or None.
        label: column of the label, or None to read none.
        id: column of the identifier, or None to number the rows.
        optional_id: column of the identifier if `id` is None and the table has it.
        group: column of what must stay together, or None.
        label_is_optional: whether a table without the label's column is read as unlabelled.
        group_by_text_a: whether examples with the same first text are a group (MedNLI: a premise).
        problem_type: one of PROBLEM_TYPES.
        label_separator: between labels in one cell, for problem type "multi"; JSON lists need none.
    """

    text_a: str
    text_b: str | None = None
    label: str | None = None
    id: str | None = None
    optional_id: str | None = None
    group: str | None = None
    label_is_optional: bool = False
    group_by_text_a: bool = False
    problem_type: str = "single"
    label_separator: str = "|"

    def __post_init__(self):
        if self.problem_type not in PROBLEM_TYPES:
            raise ValueError(
                f"Expected problem_type to be one of {', '.join(PROBLEM_TYPES)}, received "
                f"{self.problem_type!r}. Say --problem_type; it is never guessed from a number."
            )

    def columns(self) -> list[str]:
        """The columns that must be there."""
        names = [self.text_a, self.text_b, self.id, self.group]
        if not self.label_is_optional:
            names.append(self.label)
        return [name for name in names if name is not None]


def read_split(
    name: str,
    path: str,
    layout: ColumnLayout,
    table_format: TableFormat | None = None,
    member: str | None = None,
    texts: TextStore | None = None,
) -> Split:
    """Reads all examples of a table.

    Args:
        name: the split's name.
        path: the table.
        layout: its columns.
        table_format: how it is written; None for what its name says.
        member: the file inside a zip archive of several.
        texts: where single texts are kept; None for memory.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: see iterate_examples.
    """
    split = Split(name, path if member is None else f"{path}:{member}", [])
    counts = RowCounts(split.path)
    split.counts.append(counts)
    for example, kinds in _examples(name, path, layout, table_format, member, counts):
        split.examples.append(stored(example, texts))
        for text, kind in kinds:
            split.spellings.setdefault(text, set()).add(kind)
    return split


def iterate_examples(
    name: str,
    path: str,
    layout: ColumnLayout,
    table_format: TableFormat | None = None,
    counts: RowCounts | None = None,
) -> Iterator[Example]:
    """Streams the examples of a table, in flat memory.

    Args:
        name: begins the ids of rows that have none.
        path, layout, table_format: see read_split.
        counts: filled in as rows are read.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: a column is missing, a cell is no text, a label is missing or is no number
            (regression), or the table cannot be read; names file and line.
    """
    counts = RowCounts(path) if counts is None else counts
    for example, _ in _examples(name, path, layout, table_format, None, counts):
        yield example


def text_group(text: str) -> str:
    """A group's name for a text that must not be shown: the start of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _examples(name, path, layout, table_format, member, counts):
    required = layout.columns()
    for number, row in enumerate(read_rows(path, table_format, member, counts)):
        require_columns(path, row, required, _FLAGS)
        text_a = _text(path, row, layout.text_a)
        text_b = None if layout.text_b is None else _text(path, row, layout.text_b)
        label, kinds = _label(path, row, layout)
        group = None if layout.group is None else _text(path, row, layout.group)
        if layout.group_by_text_a:
            group = text_group(text_a)
        column = layout.id
        if column is None and layout.optional_id in row.cells:
            column = layout.optional_id
        row_id = f"{name}-{number}" if column is None else _text(path, row, column)
        yield Example(row_id, text_a, text_b, label, group, row.line), kinds


def _text(path: str, row: TableRow, column: str) -> str:
    value = row.cells[column]
    try:
        text = None if _is_null(value) else cell_text(value)
    except TypeError as error:
        raise TableError(f"{path}, line {row.line}, column {column}: {error}.") from None
    if text is None:
        raise TableError(
            f"{path}, line {row.line}, column {column}: expected text, received null. Write an "
            "empty text if there is none, or leave the row out."
        )
    return text


def _label(path: str, row: TableRow, layout: ColumnLayout) -> tuple[Label, list[tuple[str, str]]]:
    """The label and the (text, kind of value) pairs that it was read from."""
    if layout.label is None or (layout.label_is_optional and layout.label not in row.cells):
        return None, []
    value = row.cells[layout.label]
    if _is_null(value):
        if layout.label_is_optional:
            return None, []
        raise TableError(
            f"{path}, line {row.line}, column {layout.label}: expected a label, received null. "
            "Label the row or leave it out."
        )
    if layout.problem_type == "regression":
        return _number(path, row, layout.label, value), []
    try:
        several = layout.problem_type == "multi"
        values = _several(value, layout.label_separator) if several else [value]
        kinds = [(cell_text(v), _kind(v)) for v in values]
    except TypeError as error:
        raise TableError(
            f"{path}, line {row.line}, column {layout.label}: {error}. For several labels per row "
            "give --problem_type=multi."
        ) from None
    texts = tuple(text for text, _ in kinds)
    return (texts if layout.problem_type == "multi" else texts[0]), kinds


def _is_null(value: Any) -> bool:
    """None, and NaN: what pandas and json.dumps write for a missing value."""
    return value is None or value != value


def _several(value: Any, separator: str) -> list[Any]:
    if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]":
        # A list as JSON or as pandas writes it into a CSV file.
        with contextlib.suppress(ValueError, SyntaxError, RecursionError):
            value = ast.literal_eval(value)
    if isinstance(value, list):
        return list(dict.fromkeys(value))
    if isinstance(value, str):
        return list(dict.fromkeys(part for part in map(str.strip, value.split(separator)) if part))
    return [value]


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return "truth value" if isinstance(value, bool) else "number"


def _number(path: str, row: TableRow, column: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise TableError(
            f"{path}, line {row.line}, column {column}: expected a finite number for "
            "--problem_type=regression, received something else. Correct the row, or choose "
            "another problem type."
        )
    return number

"""How a table is written, what a row of it is, and the count of what was read."""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from clinicalbert_tf.datasets.table_files import TableError, is_parquet, is_zip, zip_members

KINDS = ("csv", "tsv", "jsonl", "parquet")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}


_SHOWN_NAMES = 20


@dataclasses.dataclass(frozen=True)
class TableFormat:
    r"""How a table is written.

    Attributes:
        kind: one of KINDS.
        columns: names for a file without a header; None if its first row is the header. Rows may
            have more cells than names only with `ignore_more`.
        expected_header: the names that the header must begin with; None for any.
        quoted: whether `"` encloses cells (CSV and TSV). Unquoted files, as the reference's, have
            one row per line; quotes are text and carriage returns are dropped, as the reference's
            reader does.
        separator: one character; None for the kind's own (comma, tab).
        ignore_more: whether cells beyond the columns are left out, as the reference does, and
            counted. Otherwise they are an error.
        encoding: see table_files.open_text.
    """

    kind: str
    columns: tuple[str, ...] | None = None
    expected_header: tuple[str, ...] | None = None
    quoted: bool = True
    separator: str | None = None
    ignore_more: bool = False
    encoding: str | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"Expected a table of kind {', '.join(KINDS)}, received {self.kind!r}."
            )
        if self.separator is not None and len(self.separator) != 1:
            raise ValueError(
                f"Expected a separator of one character, received {len(self.separator)} characters."
            )


@dataclasses.dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Attributes:
        line: the line where it begins, from 1 (the row's number from 1 in Parquet).
        cells: {column: value}. Text in CSV and TSV; JSON's and Parquet's own values otherwise, None
            if they say null. A key that a JSON line lacks is absent.
    """

    line: int
    cells: dict[str, Any] = dataclasses.field(repr=False)

    def __getitem__(self, column: str) -> Any:
        return self.cells[column]


@dataclasses.dataclass
class RowCounts:
    """What was read of one file, for the command to print; complete when its rows are used up.

    Attributes:
        path: the file.
        rows: rows given out.
        blank_lines: empty lines that are no rows.
        ignored_cells: cells beyond the named columns, see TableFormat.ignore_more.
    """

    path: str
    rows: int = 0
    blank_lines: int = 0
    ignored_cells: int = 0

    def __str__(self) -> str:
        words = [f"{self.rows:,} rows"]
        if self.blank_lines:
            words.append(f"{self.blank_lines:,} blank lines")
        if self.ignored_cells:
            words.append(f"{self.ignored_cells:,} cells beyond the columns left out")
        return f"{self.path}: {', '.join(words)}"


def shown_names(names: Iterable[str]) -> str:
    """Names of columns for a message; without a header they are a row, whose text is not shown.

    A name is shown if it looks like one: short and without white space. Others are counted.
    """
    names = list(names)
    shown = [name.strip() for name in names[:_SHOWN_NAMES] if _looks_like_a_name(name.strip())]
    hidden = len(names) - len(shown)
    if hidden:
        shown.append(f"{hidden} other{'s' if hidden > 1 else ''}")
    return ", ".join(shown) or "none"


def _looks_like_a_name(name: str) -> bool:
    longest = 40 if name.isascii() else 8
    return len(name) <= longest and name[:1].isalpha() and not re.search(r"\s", name)


def format_of(path: str, **settings) -> TableFormat:
    """The format that a file's name and first bytes say, or the name of a zip's only file.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: the name says nothing.
    """
    if is_parquet(path):
        return TableFormat("parquet", **settings)
    names = [path.lower().removesuffix(".gz").removesuffix(".zip")]
    if is_zip(path) and len(members := zip_members(path)) == 1:
        names += [members[0].lower()]
    for name in names:
        for suffix, kind in _SUFFIXES.items():
            if name.endswith(suffix):
                return TableFormat(kind, **settings)
    raise TableError(
        f"{path}: expected a name that ends in {', '.join(sorted(_SUFFIXES))} (or these with .gz "
        "or .zip), received another. Rename the file or say its kind."
    )

r"""Tables of text without losing a row: CSV, TSV, JSON lines and Parquet.

Everything stays as it is typed: `01`, `NA`, `null` and the empty string are cells like others, a
quoted cell may hold line breaks and doubled quotes, and a row with too few or too many cells is an
error.

    for row in read_rows("notes.csv.gz"): row.line, row["text"]
    read_table("notes.csv.gz").frame()
"""

import dataclasses
import datetime
import decimal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from clinicalbert_tf.datasets import table_parsers
from clinicalbert_tf.datasets.table_files import TableError
from clinicalbert_tf.datasets.table_format import (
    RowCounts,
    TableFormat,
    TableRow,
    format_of,
    shown_names,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Table:
    """A whole table in memory.

    Attributes:
        path: the file.
        columns: names of its columns, in order.
        rows: its rows, in the file's order.
        counts: what was read.
    """

    path: str
    columns: tuple[str, ...]
    rows: list[TableRow] = dataclasses.field(repr=False)
    counts: RowCounts

    def frame(self) -> "pd.DataFrame":
        """The table as a DataFrame of Python objects: no type is guessed, nothing becomes NaN."""
        import pandas as pd

        data = {
            column: pd.Series([row.cells.get(column) for row in self.rows], dtype=object)
            for column in self.columns
        }
        return pd.DataFrame(data, columns=list(self.columns), dtype=object)


def read_table(
    path: str, table_format: TableFormat | None = None, member: str | None = None
) -> Table:
    """Reads a whole table.

    Args, Raises: see read_rows.
    """
    table_format = table_format or format_of(path)
    counts = RowCounts(path)
    rows = list(read_rows(path, table_format, member, counts))
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    if not rows:
        columns = table_format.columns or table_parsers.header_only(path, table_format, member)
    return Table(path, tuple(columns), rows, counts)


def read_rows(
    path: str,
    table_format: TableFormat | None = None,
    member: str | None = None,
    counts: RowCounts | None = None,
) -> Iterator[TableRow]:
    """Streams the rows of a table, in the file's order.

    Args:
        path: plain, gzipped or zipped.
        table_format: how it is written; None for what format_of says.
        member: the file inside a zip archive of several.
        counts: filled in as rows are read.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: another header than expected, a row of another number of cells, a quote that is
            not closed, a line that is not a JSON object, a foreign encoding, damage; names file and
            line.
    """
    table_format = table_format or format_of(path)
    counts = RowCounts(path) if counts is None else counts
    if table_format.kind == "parquet":
        rows = table_parsers.parquet_rows(path)
    elif table_format.kind == "jsonl":
        rows = table_parsers.json_rows(path, table_format, member, counts)
    else:
        rows = table_parsers.csv_rows(path, table_format, member, counts)
    for row in rows:
        counts.rows += 1
        yield row


def cell_text(value: Any) -> str | None:
    """A cell as text: strings as they are, numbers as JSON writes them, None for null.

    Parquet's decimals are numbers, a whole one without a point; its dates and times are text.

    Raises:
        TypeError: it is a list or an object.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, decimal.Decimal):
        return str(int(value)) if value == value.to_integral_value() else format(value, "f")
    if isinstance(value, datetime.date):
        return str(value)
    raise TypeError(f"expected text or a number, received {type(value).__name__}")


def require_columns(path: str, row: TableRow, columns: Sequence[str], flags: str = "") -> None:
    """Checks that a row has the columns.

    Args:
        path: the file, for the error.
        row: usually the first.
        columns: the names wanted.
        flags: how to name others, for example "--text_a".

    Raises:
        TableError: names those that are missing and the names that are there.
    """
    missing = [column for column in columns if column not in row.cells]
    if missing:
        raise TableError(
            f"{path}, line {row.line}: expected the columns {', '.join(columns)}, received "
            f"{shown_names(row.cells)} (missing: {', '.join(missing)})."
            f"{_likely_reason(row, missing)} "
            f"{f'Name the columns with {flags}.' if flags else 'Correct the file.'}"
        )


def _likely_reason(row: TableRow, missing: Sequence[str]) -> str:
    """A sentence that says why columns are missing, if that can be told."""
    if len(row.cells) == 1:
        (name,) = row.cells
        for separator, shown in ((";", "';'"), ("\t", "$'\\t'"), ("|", "'|'")):
            if separator in name:
                return f" The columns look separated by another sign: give --separator={shown}."
    spelled = {name.strip().lower(): name for name in row.cells}
    alike = [name for name in missing if name.strip().lower() in spelled]
    if alike:
        return f" {', '.join(alike)} is there in another case, or with white space around it."
    return ""

"""The parsers behind table.read_rows: CSV and TSV, JSON lines, Parquet.

The csv module, not pandas, parses CSV: pandas fills a row that is too short, drops the end of one
that is too long under `index_col=False`, takes a lone carriage return for a line end, and knows no
line numbers for errors.
"""

import csv
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from clinicalbert_tf.datasets.table_files import TableError, is_parquet, open_text
from clinicalbert_tf.datasets.table_format import RowCounts, TableFormat, TableRow, shown_names

# The longest note of MIMIC-III has under 60,000 characters. The limit keeps a quote that is never
# closed from pulling the whole file into memory.
_LONGEST_CELL = 1 << 24
_SEPARATOR_LINE = re.compile('"?sep=([^\r\n])"?\\s*\\Z', re.IGNORECASE)
# A row as (line where it begins, its cells).
_Lines = Iterator[tuple[int, list[str]]]


def csv_rows(
    path: str, table_format: TableFormat, member: str | None, counts: RowCounts
) -> Iterator[TableRow]:
    """Streams the rows of a CSV or TSV file; see table.read_rows."""
    with open_text(path, table_format.encoding, member) as file:
        lines = _quoted_lines if table_format.quoted else _unquoted_lines
        rows = lines(path, file, table_format)
        columns = table_format.columns
        if columns is None:
            _, columns = next(rows, (1, None))
            columns = _checked_header(path, table_format, columns)
        width = len(columns)
        for line, cells in rows:
            if not cells:
                counts.blank_lines += 1
                continue
            if len(cells) > width and table_format.ignore_more:
                counts.ignored_cells += len(cells) - width
                del cells[width:]
            if len(cells) != width:
                raise TableError(
                    f"{path}, line {line}: expected {width} cells ({shown_names(columns)}), "
                    f"received {len(cells)}. {_row_hint(table_format)}"
                )
            yield TableRow(line, dict(zip(columns, cells, strict=True)))


def _row_hint(table_format: TableFormat) -> str:
    if table_format.quoted:
        return "Quote cells that hold separators or line breaks, or correct the row."
    return "Correct the row: this layout has one row per line, and quotes do not enclose cells."


def _checked_header(
    path: str, table_format: TableFormat, header: list[str] | None
) -> tuple[str, ...]:
    if not header:
        raise TableError(f"{path}: expected a header, the file is empty. Copy it again.")
    expected = table_format.expected_header
    if expected is not None and tuple(header[: len(expected)]) != expected:
        raise TableError(
            f"{path}, line 1: expected the header {', '.join(expected)}, received a row of "
            f"{len(header)} cells that differs. Add the header: this layout has one, and without "
            "it the first example would be lost."
        )
    repeated = len(header) - len(set(header))
    if repeated:
        raise TableError(
            f"{path}, line 1: expected different names of columns, received {repeated} repeated. "
            "Rename them; if this is no header, the file lacks one."
        )
    return tuple(header)


def _quoted_lines(path: str, file: TextIO, table_format: TableFormat) -> _Lines:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    separator = table_format.separator or ("\t" if table_format.kind == "tsv" else ",")
    first = file.readline()
    skipped = 0
    # What Excel reads, and writes, in front of the header; the given separator goes before it.
    if table_format.columns is None and (found := _SEPARATOR_LINE.match(first)):
        separator = table_format.separator or found[1]
        first, skipped = file.readline(), 1
    lines = itertools.chain([first], file) if first else file
    reader = csv.reader(lines, delimiter=separator, strict=True)
    line = 1 + skipped
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        # csv's messages name what is wrong with the form and hold none of the text.
        problem = str(error)
    else:
        return
    raise TableError(
        f"{path}, line {line}: expected well-formed {table_format.kind.upper()}, received: "
        f"{problem}. Correct the row, or say that the file is unquoted."
    )


def _unquoted_lines(path: str, file: TextIO, table_format: TableFormat) -> _Lines:
    separator = table_format.separator or ("\t" if table_format.kind == "tsv" else ",")
    for number, line in _lines(file):
        line = line.replace("\r", "")
        if "\0" in line:
            raise TableError(f"{path}, line {number}: expected text, received a NUL character.")
        yield number, line.split(separator) if line else []


def _lines(file) -> Iterator[tuple[int, str]]:
    """Lines from 1 without their line feed, which alone ends one (U+2028 and a lone CR do not).

    The text file keeps line ends as they are, but splits at a lone CR too.
    """
    number, pending = 1, ""
    for piece in file:
        pending += piece
        if pending.endswith("\n"):
            yield number, pending[:-1]
            number, pending = number + 1, ""
    if pending:
        yield number, pending


def json_rows(
    path: str, table_format: TableFormat, member: str | None, counts: RowCounts
) -> Iterator[TableRow]:
    """Streams the rows of a file of JSON lines; see table.read_rows."""
    with open_text(path, table_format.encoding, member) as file:
        for number, line in _lines(file):
            if not line.strip():
                counts.blank_lines += 1
                continue
            yield TableRow(number, _json_object(path, number, line))


def _json_object(path: str, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        # Not chained: a JSONDecodeError holds the whole line.
        problem = f"{error.msg} at character {error.pos + 1}"
        if number == 1 and line.lstrip().startswith("["):
            problem = "the start of a JSON array"
    except _RepeatedKeyError:
        problem = "an object with a repeated key"
    else:
        if isinstance(value, dict):
            return value
        problem = "a JSON array" if isinstance(value, list) else type(value).__name__
    raise TableError(
        f"{path}, line {number}: expected one JSON object a line, received something else "
        f"({problem}). Write one object a line, for example with jq -c '.[]'."
    )


class _RepeatedKeyError(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RepeatedKeyError
    return value


def _parquet_file(path: str):
    try:
        import pyarrow.parquet
    except ImportError:
        raise ImportError(
            f"{path}: reading Parquet needs pyarrow, which is not installed. Install it with "
            "pip install clinicalbert_tf[parquet]."
        ) from None
    if not is_parquet(path):
        raise TableError(f"{path}: expected a Parquet file, received other bytes. Check its kind.")
    try:
        return pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid:
        pass
    raise TableError(f"{path}: expected a whole Parquet file, received a damaged one. Copy again.")


def parquet_rows(path: str) -> Iterator[TableRow]:
    """Streams the rows of a Parquet file; see table.read_rows."""
    number = 0
    with _parquet_file(path) as file:
        for batch in file.iter_batches(batch_size=1024):
            for cells in batch.to_pylist():
                number += 1
                yield TableRow(number, cells)


def header_only(path: str, table_format: TableFormat, member: str | None) -> tuple[str, ...]:
    """The columns of a table that has no rows; () for JSON lines, which say none."""
    if table_format.kind == "parquet":
        with _parquet_file(path) as file:
            return tuple(file.schema_arrow.names)
    if table_format.kind == "jsonl":
        return ()
    with open_text(path, table_format.encoding, member) as file:
        lines = _quoted_lines if table_format.quoted else _unquoted_lines
        _, header = next(lines(path, file, table_format), (1, None))
        return _checked_header(path, table_format, header)

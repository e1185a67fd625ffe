"""Lines of UTF-8 files with their numbers; errors name the file and never the text."""

import gzip
import json
import zlib
from collections.abc import Iterator

DAMAGED_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)


def read_text_lines(path: str) -> Iterator[tuple[int, str]]:
    """Yields (line number from 1, line without its end) of a file, plain or .gz.

    A byte order mark is dropped. Only LF and CRLF end a line.

    Raises:
        ValueError: the file is not UTF-8, or a damaged gzip file.
    """
    number = 0
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="\n")
            if path.endswith(".gz")
            else open(path, encoding="utf-8-sig", newline="\n")
        ) as file:
            for number, line in enumerate(file, start=1):
                yield number, line.rstrip("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(
            f"Expected UTF-8 in {path}, received other bytes after line {number}. Convert the file."
        ) from None
    except DAMAGED_GZIP:
        raise ValueError(
            f"{path}: expected a whole gzip file, received one that is cut off or damaged after "
            f"line {number}. Copy the file again."
        ) from None


def parse_json(text: str, where: str):
    """Parses strict JSON: NaN and Infinity are refused.

    Args:
        text: the JSON text.
        where: file (and line) that the error names.

    Raises:
        ValueError: it does not parse; the message gives the column only.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{where}: expected JSON, it stops being JSON at column {error.colno} of line "
            f"{error.lineno} ({error.msg})."
        ) from None
    except _NotFiniteError:
        raise ValueError(f"{where}: expected finite numbers, received NaN or Infinity.") from None
    except RecursionError:
        raise ValueError(f"{where}: expected a flat JSON object, received deep nesting.") from None


def read_json(path: str):
    """Returns a whole JSON file, strict; a byte order mark is dropped.

    Raises:
        ValueError: it is not UTF-8 or does not parse.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            return parse_json(file.read(), path)
    except UnicodeDecodeError:
        raise ValueError(f"Expected UTF-8 in {path}, received other bytes.") from None


class _NotFiniteError(ValueError):
    pass


def _refuse_constant(name: str):
    raise _NotFiniteError(name)

"""Notes in JSON lines or CSV, plain or .gz, row by row with everything else kept."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clinicalbert_tf.datasets.table_format import shown_names

TEXT_KEYS = ("text", "TEXT")
ID_KEYS = ("note_id", "ROW_ID", "row_id", "id")
PATIENT_KEYS = ("patient_id", "subject_id", "SUBJECT_ID")


@dataclass(frozen=True)
class Keys:
    """Names of JSON keys or CSV columns; None: a known one of each row (text: of the first)."""

    text: str | None = None
    note_id: str | None = None
    patient: str | None = None


@dataclass
class Row:
    """One row of a file.

    Attributes:
        number: from 1.
        data: key or column -> value, in order.
        text: the note, None if the row has none (JSON null).
        note_id: its id, the row's number if it has none.
        patient: its patient, its id if it has none.
    """

    number: int
    data: dict
    text: str | None
    note_id: str
    patient: str


def format_of(path: str) -> str:
    """Returns "jsonl" or "csv" by a file's name, .gz aside.

    Raises:
        ValueError: it ends in neither.
    """
    name = path.lower().removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return "jsonl"
    if name.endswith(".csv"):
        return "csv"
    raise ValueError(f"Expected a file ending in .jsonl or .csv (or .gz of it), received {path}.")


def read_rows(path: str, keys: Keys) -> Iterator[Row]:
    """Yields the rows of a file, one at a time.

    Raises:
        ValueError: a row that does not parse, or whose text is missing or no string; the row is
            named, its text is not.
    """
    read = _read_json_rows if format_of(path) == "jsonl" else _read_csv_rows
    resolved = None
    for number, data in enumerate(read(path), start=1):
        if resolved is None:
            resolved = resolve(keys, data, path)
        yield _row(path, number, data, resolved)


def resolve(keys: Keys, data: dict, path: str) -> Keys:
    """Checks the named keys against a file's first row and finds that of the text.

    Raises:
        ValueError: a named key is missing, or no key of a text is known.
    """
    meta = data.get("meta") if isinstance(data.get("meta"), dict) else {}
    for flag, name in (("text", keys.text), ("note_id", keys.note_id), ("patient", keys.patient)):
        if name is not None and name not in data and name not in meta:
            raise ValueError(
                f"{path}: expected {name!r} (--{flag}_key) in the first row, received the keys "
                f"{shown_names(data)}. Name one of them."
            )
    text = keys.text or next((key for key in TEXT_KEYS if key in data), None)
    if text is None:
        raise ValueError(
            f"{path}: expected a text under {' or '.join(TEXT_KEYS)} in the first row, received "
            f"the keys {shown_names(data)}. Name it with --text_key."
        )
    return Keys(text, keys.note_id, keys.patient)


def _row(path: str, number: int, data: dict, keys: Keys) -> Row:
    meta = data.get("meta") if isinstance(data.get("meta"), dict) else {}
    if keys.text not in data or not isinstance(data[keys.text], str | None):
        raise ValueError(
            f"{path}, row {number}: expected a string under {keys.text!r}, received "
            f"{type(data.get(keys.text)).__name__ if keys.text in data else 'no such key'}."
        )
    # Row by row: a patient that the first row does not name still has one shift for all dates.
    note_id = _id(data, meta, (keys.note_id,) if keys.note_id else ID_KEYS) or str(number)
    patient = _id(data, meta, (keys.patient,) if keys.patient else PATIENT_KEYS) or note_id
    return Row(number, data, data[keys.text], note_id, patient)


def _id(data: dict, meta: dict, names: Sequence[str]) -> str:
    """Returns the first identifier that is there, "" if there is none."""
    for name in names:
        value = data.get(name, meta.get(name))
        if isinstance(value, float):
            # pandas writes a column of numbers with gaps as 7.0 and NaN.
            value = int(value) if value.is_integer() else None if value != value else value
        if value not in (None, ""):
            return str(value)
    return ""


def text_key(keys: Keys, data: dict, path: str) -> str:
    """Returns the key of the text, as `read_rows` resolves it."""
    return resolve(keys, data, path).text


def encode(kind: str, data: dict) -> bytes:
    """Returns one row as it is written, with the end of its line."""
    if kind == "jsonl":
        try:
            return (json.dumps(data, ensure_ascii=False) + "\n").encode()
        except UnicodeEncodeError:
            # Half of a surrogate pair has no UTF-8; escaped it stays what it was.
            return (json.dumps(data) + "\n").encode()
    return _csv_line(list(data.values()))


def header(kind: str, names: Sequence[str]) -> bytes:
    """Returns what stands before the first row."""
    return _csv_line(names) if kind == "csv" and names else b""


def csv_columns(path: str) -> list[str]:
    """Returns the column names of a CSV file, none of an empty one."""
    with _open(path) as file:
        return next(csv.reader(file), [])


def _csv_line(values: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue().encode("utf-8")


def _open(path: str):
    opened = gzip.open if path.lower().endswith(".gz") else open
    return opened(path, "rt", encoding="utf-8-sig", newline="")


def _read_json_rows(path: str) -> Iterator[dict]:
    number = 0
    try:
        with _open(path) as file:
            # Only LF ends a line: a text may hold U+2028 and the like.
            for number, line in enumerate(_lines(file), start=1):
                if not line.strip():
                    continue
                try:
                    data = json.loads(line)
                except (json.JSONDecodeError, RecursionError):
                    data = None
                if not isinstance(data, dict):
                    raise ValueError(f"{path}, line {number}: expected a JSON object.") from None
                yield data
    except UnicodeDecodeError:
        raise ValueError(
            f"{path}: expected UTF-8, received other bytes after line {number}."
        ) from None


def _lines(file) -> Iterator[str]:
    # newline="" keeps a lone carriage return inside a line only for the csv module; JSON escapes
    # it.
    return iter(file.readline, "")


def _read_csv_rows(path: str) -> Iterator[dict]:
    csv.field_size_limit(2**31 - 1)
    number = 0
    try:
        with _open(path) as file:
            reader = csv.DictReader(file, strict=True)
            names = reader.fieldnames or []
            if len(set(names)) < len(names):
                raise ValueError(f"{path}: expected different column names, received {names}.")
            for number, data in enumerate(reader, start=1):
                if None in data or None in data.values():
                    raise ValueError(
                        f"{path}, row {number}: expected as many cells as the header has columns."
                    )
                yield data
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: expected UTF-8 CSV, received something else after row {number} "
            f"({type(error).__name__})."
        ) from None

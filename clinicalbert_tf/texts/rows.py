"""Where the texts come from: lines of text, JSON lines, a column of a CSV file, clinical notes."""

import csv
import dataclasses
import gzip
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from clinicalbert_tf.setting_fields import check_values, setting
from tfrecords_builder.schema import Note

INPUT_FORMATS = ("text", "jsonl", "csv", "noteevents")
_NOTEEVENTS_COLUMNS = {"ROW_ID", "CATEGORY", "TEXT"}
# What other files of this project call the patient; read if `patient_column` is not there.
_OTHER_PATIENT = "patient_id"
_PAIR = re.compile(r"^(.*) \|\|\| (.*)$")
_LONGEST_FIELD = 1 << 24
_DAMAGED_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclasses.dataclass(frozen=True)
class Row:
    """One text.

    Attributes:
        note_id: the source's identifier, or the line's number from 0; safe to log.
        text: protected health information.
        second_text: the second segment of a pair, or None.
        category: the kind of note, "" if the source does not say.
        sentence: the sentence's number in its note from 0; -1 for a whole note or line.
        patient: whose note it is, "" if the source does not say.
    """

    note_id: str
    text: str = dataclasses.field(repr=False)
    second_text: str | None = dataclasses.field(default=None, repr=False)
    category: str = ""
    sentence: int = -1
    patient: str = ""


@dataclasses.dataclass(frozen=True)
class RowSource:
    """A file of texts.

    Attributes:
        path: the file, gzipped if its name ends in `.gz`.
    """

    path: str
    input_format: str = setting(
        "auto",
        "Form of the texts; auto goes by the file's name and, for CSV, its header.",
        choices=("auto", *INPUT_FORMATS),
    )
    text_column: str = setting("text", "CSV column or JSON key of the text.")
    id_column: str = setting("note_id", "CSV column or JSON key of the identifier.")
    category_column: str = setting(
        "category", "CSV column or JSON key of the kind of note; used if it is there."
    )
    patient_column: str = setting(
        "subject_id",
        "CSV column or JSON key of the patient; used if it is there, else patient_id.",
    )

    def __post_init__(self):
        check_values(self)


def resolve_format(source: RowSource) -> str:
    """The format of a source: as said, or by its name (and header, for CSV).

    Raises:
        FileNotFoundError: there is no such file.
    """
    try:
        with open(source.path, "rb"):
            pass
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected a file of texts, found none at {source.path}. Check the path."
        ) from None
    if source.input_format != "auto":
        return source.input_format
    name = source.path.lower().removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    if not name.endswith(".csv"):
        return "text"
    with _open_text(source.path, errors="replace") as file:
        try:
            header = {column.strip().upper() for column in next(csv.reader(file), [])}
        except (csv.Error, *_DAMAGED_GZIP):
            return "csv"  # whose reader says what is wrong
    return "noteevents" if header >= _NOTEEVENTS_COLUMNS else "csv"


def read_rows(source: RowSource, read_notes: Callable[[str], Iterable[Note]]) -> Iterator[Row]:
    """Streams the rows of a source.

    Args:
        source: the file.
        read_notes: reads NOTEEVENTS, for example tfrecords_builder.notes.read_notes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column or key is missing, a line is not JSON or not UTF-8, or a gzip file is
            cut off; names file and line, never the text.
    """
    source_format = resolve_format(source)
    if source_format == "noteevents":
        return (
            Row(n.note_id, n.text, category=n.category, patient=n.subject_id or "")
            for n in read_notes(source.path)
        )
    readers = {"text": _read_lines, "jsonl": _read_json_lines, "csv": _read_csv}
    return readers[source_format](source)


def read_first(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first one already read: what is wrong with a file is often seen there.

    Raises:
        FileNotFoundError, ValueError: see read_rows.
    """
    return itertools.chain(list(itertools.islice(rows, 1)), rows)


def sentence_rows(
    rows: Iterable[Row], split_sentences: Callable[[str], Iterable[str]]
) -> Iterator[Row]:
    """Splits each note into one row per sentence.

    Args:
        rows: whole notes; a pair stays as it is.
        split_sentences: a text -> its sentences.
    """
    for row in rows:
        if row.second_text is not None:
            yield row
            continue
        for number, sentence in enumerate(split_sentences(row.text)):
            yield dataclasses.replace(row, text=sentence, sentence=number)


def count_rows(source: RowSource) -> int | None:
    """The lines of a text or JSON lines file that is not gzipped; None if that means reading it."""
    if source.path.lower().endswith(".gz") or resolve_format(source) not in ("text", "jsonl"):
        return None
    lines, block = 0, b"\n"
    with open(source.path, "rb") as file:
        while following := file.read(1 << 20):
            block = following
            lines += block.count(b"\n")
    return lines + (not block.endswith(b"\n"))


def _read_lines(source: RowSource) -> Iterator[Row]:
    for number, line in _numbered_lines(source.path):
        line = line.strip()
        pair = _PAIR.match(line)
        first, second = pair.groups() if pair else (line, None)
        yield Row(str(number - 1), first, second)


def _read_json_lines(source: RowSource) -> Iterator[Row]:
    for number, line in _numbered_lines(source.path):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except json.JSONDecodeError as error:
            problem = f"{error.msg} at character {error.pos + 1}"
        else:
            if isinstance(fields, dict):
                yield _row(source, number, fields)
                continue
            problem = type(fields).__name__
        # Out here: a JSONDecodeError holds the whole line.
        raise ValueError(
            f"{source.path}, line {number}: expected a JSON object, received something else "
            f"({problem}). Write one object a line."
        )


def _row(source: RowSource, number: int, fields: dict) -> Row:
    missing = [key for key in (source.id_column, source.text_column) if key not in fields]
    if missing:
        raise ValueError(
            f"{source.path}, line {number}: expected the keys {source.id_column} and "
            f"{source.text_column}, received an object of {len(fields)} keys without "
            f"{' and '.join(missing)}. Name the keys with --id_column and --text_column."
        )
    note_id, text = fields[source.id_column], fields[source.text_column]
    if text is None:
        text = ""  # as pandas writes an empty cell
    if not isinstance(text, str) or not isinstance(note_id, str | int):
        raise ValueError(
            f"{source.path}, line {number}: expected a text in {source.text_column} and a text "
            f"or number in {source.id_column}, received {type(text).__name__} and "
            f"{type(note_id).__name__}. Correct the line."
        )
    patient = fields.get(source.patient_column, fields.get(_OTHER_PATIENT))
    return Row(
        str(note_id),
        text,
        category=str(fields.get(source.category_column) or ""),
        patient="" if patient is None else str(patient),
    )


def _read_csv(source: RowSource) -> Iterator[Row]:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    with _open_text(source.path) as file:
        reader = csv.reader(file, strict=True)
        number = 0
        try:
            places, width = _csv_places(source, next(reader, []))
            for fields in reader:
                if not fields:
                    continue
                number += 1
                if len(fields) != width:
                    raise ValueError(
                        f"{source.path}, row {number}: expected {width} fields as in the header, "
                        f"received {len(fields)}. Correct the row."
                    )
                note_id, text, category, patient = (
                    "" if place is None else fields[place] for place in places
                )
                yield Row(note_id, text, category=category.strip(), patient=patient)
        except csv.Error as error:
            problem = f"well-formed CSV, received something else ({error})"
        except UnicodeDecodeError as error:
            problem = f"UTF-8, received other bytes (at byte {error.start + 1} of a block)"
        except _DAMAGED_GZIP:
            problem = "a whole gzip file, received one that is cut off or damaged"
        else:
            return
    raise ValueError(f"{source.path}, row {number + 1}: expected {problem}. Write the file again.")


def _csv_places(source: RowSource, header: list[str]) -> tuple[list[int | None], int]:
    names = [name.strip().lower() for name in header]
    wanted = (
        source.id_column,
        source.text_column,
        source.category_column,
        source.patient_column,
    )
    places = [names.index(column.lower()) if column.lower() in names else None for column in wanted]
    if places[3] is None and _OTHER_PATIENT in names:
        places[3] = names.index(_OTHER_PATIENT)
    missing = [
        column for column, place in zip(wanted[:2], places[:2], strict=True) if place is None
    ]
    if missing:
        # Without a header the first row would be a note: its fields are counted, not shown.
        raise ValueError(
            f"{source.path}, header: expected the columns {wanted[0]} and {wanted[1]}, received "
            f"{len(header)} columns without {' and '.join(missing)}. Name the columns with "
            "--id_column and --text_column."
        )
    return places, len(header)


def _numbered_lines(path: str) -> Iterator[tuple[int, str]]:
    """Lines from 1; only a line feed ends one, as in the reference."""
    number = 0
    with _open_text(path, newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                yield number, line
        except UnicodeDecodeError:
            problem = "UTF-8, received other bytes. Convert the file, for example with iconv."
        except _DAMAGED_GZIP:
            problem = "a whole gzip file, received one that is cut off. Copy the file again."
        else:
            return
    raise ValueError(f"{path}, after line {number}: expected {problem}")


def _open_text(path: str, newline: str = "", errors: str = "strict") -> TextIO:
    opener = gzip.open if path.lower().endswith(".gz") else open
    return opener(path, "rt", encoding="utf-8-sig", errors=errors, newline=newline)

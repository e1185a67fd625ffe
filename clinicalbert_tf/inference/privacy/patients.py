"""Patients whose names and conditions a model should not know, from a table of the user's own."""

import csv
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Sequence

from clinicalbert_tf.datasets.table_files import open_text

COLUMNS = ("first_name", "last_name", "conditions")
_SEPARATOR = ";"
_TITLES = {"M": "Mr", "F": "Mrs"}
_word = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclasses.dataclass(frozen=True)
class Patient:
    """One patient.

    Attributes:
        first_name, last_name: protected health information.
        conditions: what the patient has, as the table spells it.
        gender: "M", "F" or "" if it is not said.
        mentions: how often the training notes name the patient; None if it is not known.
    """

    first_name: str = dataclasses.field(repr=False)
    last_name: str = dataclasses.field(repr=False)
    conditions: tuple[str, ...] = dataclasses.field(repr=False)
    gender: str = ""
    mentions: int | None = None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def titled_name(self) -> str:
        """Mr or Mrs with the name, as the paper's templates have it; the name alone without sex."""
        return f"{_TITLES.get(self.gender, '')} {self.name}".strip()


def read_patients(path: str) -> list[Patient]:
    """Reads a table of patients.

    Args:
        path: a CSV file with a header, or JSON lines if it ends in .jsonl or .ndjson; .gz of each.
            Columns: first_name, last_name, conditions (between semicolons, or a JSON list) and, if
            they are known, gender (M or F) and mentions (how often the notes name the patient; 0
            for one that they do not name).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, or a value is none; names the file and the line.
    """
    name = path.lower().removesuffix(".gz")
    read = _json_rows if name.endswith((".jsonl", ".ndjson")) else _csv_rows
    patients = [_patient(fields, f"{path}, line {line}") for line, fields in read(path)]
    if not patients:
        raise ValueError(f"{path}: expected patients, received none. Write one per line.")
    return patients


def with_mentions(patients: Sequence[Patient], texts: Iterable[str]) -> list[Patient]:
    """The same patients, each with how often texts hold first and last name next to each other.

    Args:
        patients: patients; what their table says of mentions is kept.
        texts: the notes that were trained on.
    """
    counts = {_key(patient.name): 0 for patient in patients}
    longest = max(len(key) for key in counts)
    for text in texts:
        words = [word.group().casefold() for word in _word.finditer(text)]
        for start in range(len(words)):
            for size in range(2, longest + 1):
                key = tuple(words[start : start + size])
                if key in counts:
                    counts[key] += 1
    return [
        patient
        if patient.mentions is not None
        else dataclasses.replace(patient, mentions=counts[_key(patient.name)])
        for patient in patients
    ]


def _key(name: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _word.findall(name))


def _csv_rows(path: str) -> Iterator[tuple[int, dict]]:
    with open_text(path) as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path}: expected the columns {', '.join(COLUMNS)}, received none of the name "
                f"{missing[0]}. Write a header with these names."
            )
        for fields in reader:
            yield reader.line_num, fields


def _json_rows(path: str) -> Iterator[tuple[int, dict]]:
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    fields = json.loads(line)
                except json.JSONDecodeError:
                    fields = None
                yield number, fields if isinstance(fields, dict) else {}


def _patient(fields: dict, place: str) -> Patient:
    first, last = (str(fields.get(name) or "").strip() for name in COLUMNS[:2])
    conditions = fields.get("conditions") or ()
    if isinstance(conditions, str):
        conditions = conditions.split(_SEPARATOR)
    elif not isinstance(conditions, list | tuple):
        raise ValueError(
            f"{place}: expected conditions to be a text or a list, received "
            f"{type(conditions).__name__}. Correct the line."
        )
    conditions = tuple(dict.fromkeys(str(one).strip() for one in conditions if str(one).strip()))
    if not first or not last or len(_key(f"{first} {last}")) < 2:
        raise ValueError(
            f"{place}: expected first_name and last_name of letters, received less. Correct the "
            "line, or leave the patient out."
        )
    gender = str(fields.get("gender") or "").strip().upper()[:1]
    return Patient(first, last, conditions, gender, _mentions(fields.get("mentions"), place))


def _mentions(value, place: str) -> int | None:
    if value is None or value == "":
        return None
    try:
        # A column of numbers with gaps is written as 3.0.
        mentions = int(str(value).strip().removesuffix(".0"))
    except ValueError:
        mentions = -1
    if mentions < 0:
        raise ValueError(
            f"{place}: expected mentions to be a number of at least 0, received another value. "
            "Correct the line."
        )
    return mentions

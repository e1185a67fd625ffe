"""Invents clinical notes in the layout of MIMIC-III's NOTEEVENTS table.

    python -m tfrecords_builder.synthetic --notes 500 --seed 7 --output NOTEEVENTS.csv.gz

No patient stands behind any of them. The same seed gives the same notes and the same bytes, and
fewer notes are the beginning of more. Every 97th row from row 41 on is marked as an error and
every 211th from row 107 on is empty, as a few are in the real table.

    python -m tfrecords_builder.synthetic --admissions --notes 5000 --output NOTEEVENTS.csv.gz

also writes ADMISSIONS, PATIENTS and DIAGNOSES_ICD beside the notes, with stays that are followed by
others; see invention/synthetic_admissions.py for what can be learnt from them and what must not.
"""

import csv
import gzip
import io
import itertools
import os
import random
import shlex
import sys
from collections.abc import Iterator

from tfrecords_builder import command_line
from tfrecords_builder.files import open_private
from tfrecords_builder.invention import synthetic_admissions, synthetic_texts
from tfrecords_builder.invention.synthetic_words import Words

COLUMNS = (
    "ROW_ID",
    "SUBJECT_ID",
    "HADM_ID",
    "CHARTDATE",
    "CHARTTIME",
    "STORETIME",
    "CATEGORY",
    "DESCRIPTION",
    "CGID",
    "ISERROR",
    "TEXT",
)
_KINDS = [kind for kind in synthetic_texts.KINDS for _ in range(kind[2])]


def generate_notes(count: int, seed: int) -> Iterator[dict[str, str]]:
    """Invents notes, patient by patient and stay by stay.

    Args:
        count: how many notes.
        seed: the same seed gives the same notes; fewer notes are the beginning of more.

    Yields:
        One row per note: the 11 columns of NOTEEVENTS, every value a string.

    Raises:
        ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"Expected 0 or more notes, received {count}. Ask for a positive number.")
    return itertools.islice(_rows(random.Random(seed)), count)


def write_noteevents(path: str, count: int, seed: int) -> int:
    """Writes invented notes as a NOTEEVENTS file, in one rename and readable by its owner only.

    Args:
        path: ends in `.csv` or `.csv.gz`.
        count: how many notes.
        seed: the same seed gives the same bytes.

    Returns:
        The number of characters of note text written.

    Raises:
        ValueError: `path` ends otherwise.
    """
    _check_ending(path)
    return _write_table(path, generate_notes(count, seed), COLUMNS)


def write_admissions(path: str, count: int, seed: int) -> dict[str, str]:
    """Writes invented notes and, beside them, the tables of the stays that they are about.

    Args:
        path: of the notes; ends in `.csv` or `.csv.gz`, and so do the others.
        count: how many notes at least.
        seed: the same seed gives the same bytes.

    Returns:
        {"NOTEEVENTS", "ADMISSIONS", "PATIENTS", "DIAGNOSES_ICD": path}.

    Raises:
        ValueError: `path` ends otherwise.
    """
    _check_ending(path)
    tables = synthetic_admissions.invent(count, seed)
    ending = ".csv.gz" if path.endswith(".gz") else ".csv"
    beside = lambda name: os.path.join(os.path.dirname(path), name + ending)
    written = {
        "ADMISSIONS": (beside("ADMISSIONS"), tables.admissions),
        "PATIENTS": (beside("PATIENTS"), tables.patients),
        "DIAGNOSES_ICD": (beside("DIAGNOSES_ICD"), tables.diagnoses),
        "NOTEEVENTS": (path, tables.notes),
    }
    for table_path, rows in written.values():
        _write_table(table_path, iter(rows), tuple(rows[0]) if rows else COLUMNS)
    return {name: table_path for name, (table_path, _) in written.items()}


def _check_ending(path: str) -> None:
    if not path.endswith((".csv", ".csv.gz")):
        raise ValueError(
            f"Expected a path that ends in .csv or .csv.gz, received {path}. Rename the output."
        )


def _write_table(path: str, rows: Iterator[dict[str, str]], columns: tuple[str, ...]) -> int:
    with open_private(path) as file:
        if not path.endswith(".gz"):
            return _write_rows(file, rows, columns)
        # No name and no time in the header, so that equal notes give equal bytes.
        with gzip.GzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0) as packed:
            return _write_rows(packed, rows, columns)


def _write_rows(file, rows: Iterator[dict[str, str]], columns: tuple[str, ...]) -> int:
    characters = 0
    text_file = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    writer = csv.DictWriter(text_file, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
        characters += len(row.get("TEXT", ""))
    text_file.flush()
    text_file.detach()
    return characters


def _rows(generator: random.Random) -> Iterator[dict[str, str]]:
    words = Words(generator)
    row_id, stay_id = 0, 100000
    for subject_id in itertools.count(10001):
        sex, age = generator.choice("MF"), generator.randint(22, 88)
        year = generator.randint(2101, 2190)
        for stay in range(generator.choice((1, 1, 1, 2, 2, 3))):
            stay_id += 1
            month = generator.randint(1, 12)
            words.begin_stay(sex, age + stay, year + stay, month)
            kinds = [generator.choice(_KINDS) for _ in range(generator.randint(3, 12))]
            for day, (category, write, _, timed) in enumerate(kinds, start=1):
                row_id += 1
                date = f"{year + stay}-{month:02}-{day:02}"
                # Tracings taken outside a stay have no admission.
                hadm_id = "" if category == "ECG" and generator.random() < 0.1 else str(stay_id)
                time = f"{date} {generator.randint(0, 23):02}:{generator.randint(0, 59):02}:00"
                yield _row(row_id, subject_id, hadm_id, date, time * timed, category, write(words))
            row_id += 1
            date = f"{year + stay}-{month:02}-{len(kinds) + 1:02}"
            text = synthetic_texts.discharge_summary(words)
            yield _row(row_id, subject_id, str(stay_id), date, "", "Discharge summary", text)


def _row(
    row_id: int, subject_id: int, hadm_id: str, date: str, time: str, category: str, text: str
) -> dict[str, str]:
    return {
        "ROW_ID": str(row_id),
        "SUBJECT_ID": str(subject_id),
        "HADM_ID": hadm_id,
        "CHARTDATE": date,
        "CHARTTIME": time,
        "STORETIME": time,
        "CATEGORY": category,
        "DESCRIPTION": "Report",
        "CGID": str(14000 + row_id % 700) if time else "",
        "ISERROR": "1" if row_id % 97 == 41 else "",
        "TEXT": "" if row_id % 211 == 107 else text,
    }


def _define_flags() -> None:
    from absl import flags

    flags.DEFINE_integer("notes", 500, "How many notes to invent.", lower_bound=0)
    flags.DEFINE_integer("seed", 7, "The same seed gives the same file, byte for byte.")
    flags.DEFINE_string("output", "NOTEEVENTS.csv.gz", "The file to write: .csv or .csv.gz.")
    flags.DEFINE_bool(
        "admissions",
        False,
        "Also write ADMISSIONS, PATIENTS and DIAGNOSES_ICD beside --output, for notes that fit "
        "them: stays with returns to predict, and planted notes that a prediction must not use.",
    )


def _admissions_written(output: str, notes: int, seed: int) -> str:
    paths = write_admissions(output, notes, seed)
    quoted = {name: shlex.quote(path) for name, path in paths.items()}
    return (
        f"Wrote invented {', '.join(paths)} to {os.path.dirname(output) or '.'}.\n"
        "Next:\n"
        "  python -m clinicalbert_tf.datasets.readmission --admissions="
        f"{quoted['ADMISSIONS']} --notes={quoted['NOTEEVENTS']} --output_dir=data"
    )


def main(argv: list[str]) -> None:
    from absl import app, flags

    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only, received the argument {argv[1]!r}.")
    settings = flags.FLAGS
    try:
        if settings.admissions:
            print(_admissions_written(settings.output, settings.notes, settings.seed))
            return
        characters = write_noteevents(settings.output, settings.notes, settings.seed)
    except (OSError, ValueError) as error:
        sys.exit(f"{error}")
    notes = shlex.quote(settings.output)
    print(
        f"Wrote {settings.notes} invented notes ({characters:,} characters) to {settings.output}.\n"
        "Next:\n"
        f"  python -m tfrecords_builder.vocabulary --input={notes} --size=2000 --output=vocab.txt\n"
        f"  python -m tfrecords_builder --input={notes} --vocab_file=vocab.txt "
        "--do_lower_case=False --output_dir=records"
    )


if __name__ == "__main__":
    _define_flags()
    command_line.run(main)

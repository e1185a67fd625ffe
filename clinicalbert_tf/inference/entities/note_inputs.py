"""Notes to label: JSON lines, CSV, or a folder of texts."""

import dataclasses
import gzip
import os
import pathlib
import zlib
from collections.abc import Callable, Iterable, Iterator

from clinicalbert_tf.datasets.documents import Account
from clinicalbert_tf.datasets.i2b2_xml import read_i2b2_xml
from clinicalbert_tf.datasets.json_spans import read_json_spans
from clinicalbert_tf.datasets.release_files import decode
from clinicalbert_tf.texts.rows import RowSource, read_rows


@dataclasses.dataclass(frozen=True)
class InputNote:
    """A note to label.

    Attributes:
        note_id: its identifier; safe to log.
        text: protected health information.
        patient_id: the patient's identifier; "" if unknown.
    """

    note_id: str
    text: str = dataclasses.field(repr=False)
    patient_id: str = ""


def read_notes(
    path: str, read_noteevents: Callable[[str], Iterable], columns: tuple[str, str] | None = None
) -> Iterator[InputNote]:
    """Streams the notes of a file or folder.

    JSON lines hold {"note_id", "text"} or {"meta": {"note_id"}, "text"}; CSV files have the
    columns note_id and text, or are MIMIC's NOTEEVENTS; a folder holds .txt files, or i2b2 XML
    files, read in the order of their names. Files may be gzipped.

    Args:
        path: the file or folder.
        read_noteevents: reads NOTEEVENTS, for example tfrecords_builder.notes.reading.read_notes.
        columns: names of a CSV file's text and identifier columns.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: a row is no note; names file and line.
    """
    if os.path.isdir(path):
        return _read_folder(pathlib.Path(path))
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected --input to name a file of notes or a folder, found none at {path}."
        )
    if path.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        return _read_json_lines(path)
    text, note_id = columns or ("text", "note_id")
    source = RowSource(path, text_column=text, id_column=note_id)
    return (
        InputNote(row.note_id, row.text, row.patient) for row in read_rows(source, read_noteevents)
    )


def _read_json_lines(path: str) -> Iterator[InputNote]:
    opener = gzip.open if path.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        try:
            for document in read_json_spans(path, file):
                yield InputNote(document.note_id, document.text, document.patient_id)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            problem = "a whole gzip file, received one that is cut off or damaged"
        else:
            return
    raise ValueError(f"{path}: expected {problem}. Copy the file again.")


def _read_folder(folder: pathlib.Path) -> Iterator[InputNote]:
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in (".txt", ".xml") and not path.name.startswith(".")
    )
    if not paths:
        raise FileNotFoundError(
            f"Expected .txt or i2b2 .xml files in {folder}, found none. Check --input."
        )
    return map(_read_file, paths)


def _read_file(path: pathlib.Path) -> InputNote:
    data = path.read_bytes()
    if path.suffix.lower() == ".xml":
        document = read_i2b2_xml(str(path), data, path.stem, Account())
        return InputNote(path.stem, document.text)
    return InputNote(path.stem, decode(str(path), data))

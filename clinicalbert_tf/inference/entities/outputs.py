"""Entities of notes as files: JSON lines, brat, i2b2 .con, i2b2 XML. A stopped run resumes."""

import bisect
import json
import os
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence

from clinicalbert_tf.datasets.brat import brat_files
from clinicalbert_tf.datasets.documents import Document, Span
from clinicalbert_tf.datasets.i2b2_xml import i2b2_xml
from clinicalbert_tf.inference.entities.note_inputs import InputNote
from clinicalbert_tf.inference.entities.tagger import Entity
from tfrecords_builder.files import append, check_folder_of, make_private_folder, write_private

FORMATS = ("jsonl", "brat", "con", "xml")
_WORD = re.compile(r"\S+")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_SPANS_AT_ONCE = 1000


def _document(note: InputNote, entities: Sequence[Entity]) -> Document:
    spans = tuple(Span(entity.start, entity.end, entity.label) for entity in entities)
    return Document(note.note_id, note.text, spans, note.patient_id)


def json_pieces(note: InputNote, entities: Sequence[Entity]) -> Iterator[str]:
    """Yields a note and its entities as pieces of one JSON line, which datasets.json_spans reads.

    In pieces, since the line of a long note takes several times the memory of its entities.
    """
    fields = {
        "text": note.text,
        "meta": {"note_id": note.note_id, "patient_id": note.patient_id},
    }
    # Half of a surrogate pair has no UTF-8; escaped it stays what it was.
    escaped = _HALF_PAIR.search(note.text) is not None
    yield json.dumps(fields, ensure_ascii=escaped)[:-1] + ', "spans": ['
    for start in range(0, len(entities), _SPANS_AT_ONCE):
        some = entities[start : start + _SPANS_AT_ONCE]
        yield ", " * (start > 0) + ", ".join(map(_json_span, some))
    yield "]}\n"


def _json_span(entity: Entity) -> str:
    fields = {
        "start": entity.start,
        "end": entity.end,
        "label": entity.label,
        "probability": round(entity.probability, 6),
    }
    return json.dumps(fields, ensure_ascii=False)


def concept_file_of_note(note: InputNote, entities: Sequence[Entity]) -> str:
    """The entities of a note as an i2b2 .con file.

    Lines count from 1 and words, divided at white space, from 0; an entity covers the whole words
    that it touches.
    """
    lines = _Lines(note.text)
    written = []
    for entity in entities:
        first, start, begin, _ = lines.place(entity.start)
        last, end, _, behind = lines.place(entity.end - 1)
        text = " ".join(note.text[begin:behind].lower().split())
        written.append(f'c="{text}" {first}:{start} {last}:{end}||t="{entity.label}"')
    return "\n".join(written)


class _Lines:
    """The lines of a text and the words in them, one line after the other."""

    def __init__(self, text: str):
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text) + 1]
        self._line, self._words = 0, []

    def place(self, at: int) -> tuple[int, int, int, int]:
        """Line of a character, number of the word in it, and the word's first and last place."""
        line = bisect.bisect_right(self._starts, at)
        if line != self._line:
            ends = self._starts[line - 1], self._starts[line] - 1
            self._line = line
            self._words = [match.span() for match in _WORD.finditer(self._text, *ends)]
        word = bisect.bisect_right(self._words, (at, len(self._text) + 1)) - 1
        return line, word, *(self._words[word] if word >= 0 else (at, at + 1))


_CONTENTS: dict[str, Callable[[InputNote, Sequence[Entity]], dict[str, str]]] = {
    "brat": lambda note, found: dict(
        zip((".txt", ".ann"), brat_files(_document(note, found)), strict=True)
    ),
    "con": lambda note, found: {".con": concept_file_of_note(note, found)},
    "xml": lambda note, found: {".xml": i2b2_xml(_document(note, found))},
}


def write_entities(
    notes: Iterable[InputNote],
    label_notes: Callable[[Iterable[str]], Iterator[tuple[int, list[Entity]]]],
    output: str,
    output_format: str,
) -> tuple[int, int]:
    """Labels notes and writes them, one at a time.

    JSON lines are one file, which has its name when it is complete; the other formats are a folder
    with files by note. What an earlier, stopped call wrote is kept and not computed again.

    Args:
        notes: the notes, in the same order as in an earlier call.
        label_notes: (number of the text, all its entities) of texts, in order.
        output: file or folder.
        output_format: one of FORMATS.

    Returns:
        The numbers of notes written now and found written.

    Raises:
        FileExistsError: the file is there and complete.
        ValueError: an unknown format, what was written is of other notes, or two notes of a folder
            have one identifier.
    """
    if output_format not in FORMATS:
        raise ValueError(
            f"Expected --format to be one of {', '.join(FORMATS)}, received {output_format!r}."
        )
    if output_format == "jsonl":
        return _write_json_lines(notes, label_notes, output)
    return _write_folder(notes, label_notes, output, output_format)


def _write_json_lines(notes, label_notes, output: str) -> tuple[int, int]:
    check_folder_of(output, "output")
    if os.path.exists(output):
        raise FileExistsError(
            f"Expected --output to name a new file, found {output}. Move it away first."
        )
    partial = f"{output}.partial"
    done = _written_ids(partial)
    left = _without(iter(notes), done, output)
    written = 0
    for note, found in _labelled(left, label_notes):
        for piece in json_pieces(note, found):
            append(partial, piece.encode("utf-8"))
        written += 1
    if not written and not done:
        write_private(partial, "")
    os.replace(partial, output)
    return written, len(done)


def _written_ids(partial: str) -> list[str]:
    """Identifiers of the notes in an unfinished file, of which a last line cut off is removed."""
    if not os.path.exists(partial):
        return []
    ids, whole = [], 0
    with open(partial, "rb+") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            ids.append(json.loads(line)["meta"]["note_id"])
            whole += len(line)
        file.truncate(whole)
    return ids


def _without(notes: Iterator[InputNote], done: list[str], output: str) -> Iterator[InputNote]:
    for number, note_id in enumerate(done):
        note = next(notes, None)
        if note is None or note.note_id != note_id:
            raise ValueError(
                f"{output}.partial: expected the first {len(done)} notes of --input, received "
                f"others (from number {number}). Give the input of the stopped run, or remove it."
            )
    return notes


def _write_folder(notes, label_notes, output: str, output_format: str) -> tuple[int, int]:
    make_private_folder(output)
    seen: set[str] = set()
    found_written = 0
    last = {"brat": ".ann", "con": ".con", "xml": ".xml"}[output_format]

    def missing() -> Iterator[InputNote]:
        nonlocal found_written
        for note in notes:
            name = urllib.parse.quote(note.note_id, safe=" ()+,=@")
            if name in seen:
                raise ValueError(
                    f"Expected every note to have its own identifier, received {note.note_id} "
                    "twice. Use --format=jsonl, which keeps both."
                )
            seen.add(name)
            if os.path.exists(os.path.join(output, name + last)):
                found_written += 1
            else:
                yield note

    written = 0
    for note, found in _labelled(missing(), label_notes):
        name = urllib.parse.quote(note.note_id, safe=" ()+,=@")
        for ending, content in _CONTENTS[output_format](note, found).items():
            write_private(os.path.join(output, name + ending), content)
        written += 1
    return written, found_written


def _labelled(notes: Iterable[InputNote], label_notes) -> Iterator[tuple[InputNote, list[Entity]]]:
    waiting: list[InputNote] = []

    def texts() -> Iterator[str]:
        for note in notes:
            waiting.append(note)
            yield note.text

    for _, found in label_notes(texts()):
        yield waiting.pop(0), found

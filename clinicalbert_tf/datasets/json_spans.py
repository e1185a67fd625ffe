"""Annotated documents as JSON lines.

One object per line, {"text", "meta": {"note_id", "patient_id"}, "spans": [...]}, each span
{"start", "end", "label"} with offsets in characters of the text, end exclusive.
"""

import json
from collections.abc import Iterable, Iterator

from clinicalbert_tf.datasets.documents import Document, Span


def read_json_spans(source: str, lines: Iterable[bytes]) -> Iterator[Document]:
    """Reads documents, one at a time.

    Args:
        source: the file, for messages.
        lines: its lines, for example the file opened in binary mode.

    Raises:
        ValueError: a line is not such an object, or an offset lies outside its text; names file
            and line, never the text.
    """
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        where = f"{source}, line {number}"
        try:
            fields = json.loads(line)
        except ValueError as error:
            problem = type(error).__name__
        else:
            document = _document(where, number, fields)
            document.check_spans(where)
            yield document
            continue
        # Out here: a JSONDecodeError holds the whole line.
        raise ValueError(f"{where}: expected a JSON object, received something else ({problem}).")


def _document(where: str, number: int, fields: object) -> Document:
    if isinstance(fields, dict) and "text" in fields and fields["text"] is None:
        fields = {**fields, "text": ""}  # as pandas writes an empty cell
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise ValueError(
            f"{where}: expected an object with a text in its key text, received "
            f"{type(fields).__name__} without. Write one object a line."
        )
    meta = fields.get("meta") or {}
    if not isinstance(meta, dict):
        raise ValueError(f"{where}: expected an object in meta, received {type(meta).__name__}.")
    note_id, patient_id = (
        next((of[name] for of in (meta, fields) if of.get(name) is not None), otherwise)
        for name, otherwise in (("note_id", number - 1), ("patient_id", ""))
    )
    spans = []
    for place, span in enumerate(fields.get("spans") or []):
        values = [span.get(key) for key in ("start", "end", "label")] if _is_dict(span) else []
        if len(values) != 3 or not all(map(_is_integer, values[:2])) or values[2] is None:
            raise ValueError(
                f"{where}, span {place}: expected whole numbers in start and end and a label, "
                "received something else. Correct the span."
            )
        spans.append(Span(*values[:2], str(values[2]), str(span.get("id", ""))))
    return Document(str(note_id), fields["text"], tuple(spans), str(patient_id))


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def json_spans_line(document: Document) -> str:
    """One document as a line, its line end included."""
    fields = {
        "text": document.text,
        "meta": {"note_id": document.note_id, "patient_id": document.patient_id},
        "spans": [
            {"start": span.start, "end": span.end, "label": span.label}
            | ({"id": span.annotation} if span.annotation else {})
            for span in document.spans
        ],
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"

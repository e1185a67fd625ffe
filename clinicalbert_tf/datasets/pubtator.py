"""PubTator's text format, in which the NCBI disease corpus is released.

`ID|t|title`, `ID|a|abstract`, then tab-separated `ID start end mention type concept`, and an empty
line behind each document. Offsets count title, a line end, abstract.
"""

import re
from collections.abc import Iterator

from clinicalbert_tf.datasets.alignment import Aligner
from clinicalbert_tf.datasets.documents import Account, Document, Span
from clinicalbert_tf.datasets.release_files import decode

_TEXT = re.compile(r"(\d+)\|([ta])\|(.*)")


def read_pubtator(
    source: str, data: bytes, account: Account, label: str | None = None
) -> Iterator[Document]:
    """Reads the documents of a file.

    Args:
        source: the file, for messages.
        data: its bytes.
        account: receives annotations that were moved or dropped.
        label: given to every entity instead of its own type; None for its own.

    Raises:
        ValueError: a line is none of the format's; names file and line.
    """
    note_id, texts, marks = "", {}, []

    def document() -> Document:
        text = "\n".join(texts[part] for part in "ta" if part in texts)
        aligner = Aligner(source, note_id, text, account)
        placed = [aligner.place(*mark) for mark in marks]
        spans: tuple[Span, ...] = tuple(span for span in placed if span is not None)
        return Document(note_id, text, spans)

    for number, line in enumerate(decode(source, data).split("\n"), start=1):
        line = line.rstrip("\r")
        match = _TEXT.fullmatch(line)
        if match is not None:
            if texts and match[1] != note_id:
                yield document()
                texts, marks = {}, []
            note_id = match[1]
            texts[match[2]] = match[3]
            continue
        fields = line.split("\t")
        if not line.strip():
            continue
        try:
            start, end, kind = int(fields[1]), int(fields[2]), label or fields[4]
            marks.append((f"line {number}", start, end, kind, fields[3]))
        except (IndexError, ValueError):
            raise ValueError(
                f"{source}, line {number}: expected ID|t|..., ID|a|... or six columns ID, start, "
                f"end, mention, type, concept, received {len(fields)} columns. Correct the line."
            ) from None
    if texts:
        yield document()

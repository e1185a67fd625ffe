"""brat's standoff: a text (.txt) and its annotations (.ann), in and out.

Source: brat's "standoff format" page (text-bound annotations).
"""

import codecs
import itertools
import re

from clinicalbert_tf.datasets.alignment import Aligner, canonical
from clinicalbert_tf.datasets.documents import Account, Document, Span
from clinicalbert_tf.datasets.release_files import decode

# What becomes of an entity of several fragments: its whole range, an entity per fragment, nothing.
FRAGMENT_RULES = ("range", "split", "drop")
_BYTE_ORDER_MARK = "\ufeff"
_ENTITY = re.compile(r"^(T\S*)\t(\S+) (-?\d+ -?\d+(?:;-?\d+ -?\d+)*)(?:\t(.*))?$")


def read_brat(
    source: str,
    text_data: bytes,
    annotation_data: bytes,
    note_id: str,
    account: Account,
    fragments: str = "range",
    patient_id: str = "",
) -> Document:
    """Reads one document. Relations, events and attributes are left alone.

    Offsets of a text with Windows line ends or a byte order mark are understood in either counting
    (a line end as one character or two, the mark as one or none): the one in which most annotations
    agree with their own text.

    Args:
        source: the .ann file, for messages.
        text_data: bytes of the .txt file.
        annotation_data: bytes of the .ann file.
        note_id: the document's identifier.
        account: receives annotations that were moved, dropped or are discontinuous.
        fragments: one of FRAGMENT_RULES.
        patient_id: the patient's identifier.

    Raises:
        ValueError: an unknown rule, an entity line that is none, or an offset past the text.
    """
    if fragments not in FRAGMENT_RULES:
        raise ValueError(
            f"Expected fragments to be one of {', '.join(FRAGMENT_RULES)}, received {fragments!r}."
        )
    text = decode(source, text_data)
    entities = _entities(source, decode(source, annotation_data))
    places = _places(text, entities, text_data.startswith(codecs.BOM_UTF8))
    aligner = Aligner(source, note_id, text, account)
    spans = []
    for annotation, label, pieces, own in entities:
        pieces = [(_place(places, start), _place(places, end)) for start, end in pieces]
        whole = (pieces[0][0], pieces[-1][1])
        if all(not text[a:b].strip() for (_, a), (b, _) in itertools.pairwise(pieces)):
            # brat cuts at line ends: what only white space divides is one piece.
            span = aligner.place(annotation, *whole, label, own)
            spans += [] if span is None else [span]
            continue
        account.add("discontinuous", note_id, annotation)
        kept = {"range": [whole], "split": pieces, "drop": []}[fragments]
        spans += [Span(*piece, label, annotation) for piece in kept]
    document = Document(note_id, text, tuple(spans), patient_id)
    document.check_spans(source)
    return document


def _entities(source: str, content: str) -> list[tuple[str, str, list[tuple[int, int]], str]]:
    found = []
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.startswith("T"):
            continue
        match = _ENTITY.match(line.rstrip("\r"))
        if match is None:
            raise ValueError(
                f"{source}, line {number}: expected ID, tab, TYPE START END, tab, text, received "
                "another line that begins with T. Correct it."
            )
        annotation, label, offsets, own = match.groups()
        pieces = [tuple(map(int, piece.split())) for piece in offsets.split(";")]
        found.append((annotation, label, sorted(pieces), own or ""))
    return found


def _places(text: str, entities: list, marked: bool) -> list[int] | None:
    """Place in `text` by an annotation's offset; None if they are the same.

    Of all ways to count (Windows line ends as one character or two, a byte order mark as one or
    none) the one in which most annotations agree with their own text.
    """
    countings: list[list[int] | None] = [None]
    if "\r\n" in text:
        one = [place for place in range(len(text)) if text[place : place + 2] != "\r\n"]
        countings.append([*one, len(text)])
    if marked:
        countings += [[0, *(places or range(len(text) + 1))] for places in countings]

    def agreeing(places: list[int] | None) -> int:
        return sum(
            canonical(" ".join(text[_place(places, a) : _place(places, b)] for a, b in pieces))
            == canonical(own)
            for _, _, pieces, own in entities
        )

    return max(countings, key=agreeing) if len(countings) > 1 else None


def _place(places: list[int] | None, offset: int) -> int:
    if places is None or not 0 <= offset < len(places):
        return offset
    return places[offset]


def brat_files(document: Document) -> tuple[str, str]:
    """Writes a document as the contents of its .txt and its .ann file.

    Raises:
        ValueError: a label holds white space, which the format has not.
    """
    text, lines = document.text, []
    for number, span in enumerate(document.spans, start=1):
        if not span.label or re.search(r"\s", span.label):
            raise ValueError(
                f"Document {document.note_id}, span {number - 1}: expected a label without white "
                "space for brat, received one with some, or none. Rename it, or use jsonl."
            )
        pieces = _between_line_ends(text, span)
        offsets = ";".join(f"{start} {end}" for start, end in pieces)
        own = " ".join(text[start:end] for start, end in pieces)
        own = re.sub(r"[\r\n]", " ", own)
        annotation = span.annotation if re.fullmatch(r"T\d+", span.annotation) else f"T{number}"
        lines.append(f"{annotation}\t{span.label} {offsets}\t{own}\n")
    # A reader takes the first mark away.
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    return mark + text, "".join(lines)


def _between_line_ends(text: str, span: Span) -> list[tuple[int, int]]:
    pieces = [
        (span.start + match.start(), span.start + match.end())
        for match in re.finditer(r"[^\r\n]+", text[span.start : span.end])
    ]
    # An entity that begins or ends with a line end is no use to brat, but it is kept.
    if not pieces or (pieces[0][0], pieces[-1][1]) != (span.start, span.end):
        return [(span.start, span.end)]
    return pieces

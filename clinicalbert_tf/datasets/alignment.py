"""Offsets checked against an annotation's own text, and corrected if it stands near."""

import html

from clinicalbert_tf.datasets.documents import Account, Span, check_offsets

# Farther away the same words are likely another mention.
_FARTHEST = 20


def canonical(text: str) -> str:
    """What two spellings of one mention have in common: entities, white space and "&" resolved."""
    return " ".join(html.unescape(text).replace("&", " and ").split())


class Aligner:
    """Places the annotations of one document by their offsets and their own text.

    Releases hold offsets that are a few characters off, often from one place of a document on, so
    the shift of the annotation before is tried first, then the nearest one.

    Args:
        source: the file, for messages.
        note_id: the document, for the account.
        text: the document's text.
        account: receives what was moved or dropped.
    """

    def __init__(self, source: str, note_id: str, text: str, account: Account):
        self._source, self._note_id, self._text = source, note_id, text
        self._account = account
        self._shift = 0

    def place(self, annotation: str, start: int, end: int, label: str, own: str) -> Span | None:
        """Returns the annotation's span, or None if it was dropped.

        Args:
            annotation: its identifier.
            start: its first character.
            end: the character after its last one.
            label: its type.
            own: the text that the annotation says it covers.

        Raises:
            ValueError: the offsets lie outside the text, and its own text is not near them.
        """
        if not label.strip():
            self._account.add("untyped", self._note_id, annotation)
            return None
        if start == end and 0 <= start <= len(self._text):
            self._account.add("empty", self._note_id, annotation)
            return None
        if 0 <= start < end <= len(self._text) and self._covers(start, end, own):
            self._shift = 0
            return Span(start, end, label, annotation)
        moved = self._nearest(start, end, own)
        if moved is not None:
            self._shift = moved
            self._account.add("moved", self._note_id, annotation)
            return Span(start + moved, end + moved, label, annotation)
        check_offsets(self._source, annotation, start, end, len(self._text))
        self._account.add("misaligned", self._note_id, annotation)
        return None

    def _covers(self, start: int, end: int, own: str) -> bool:
        covered = self._text[start:end]
        return covered == own or canonical(covered) == canonical(own)

    def _nearest(self, start: int, end: int, own: str) -> int | None:
        if not own.strip():
            return None
        for shift in (self._shift, *(s for d in range(1, _FARTHEST + 1) for s in (-d, d))):
            inside = 0 <= start + shift < end + shift <= len(self._text)
            if shift and inside and self._covers(start + shift, end + shift, own):
                return shift
        return None

"""Annotated documents, and an account of the annotations that could not be kept as they are."""

import collections
import dataclasses
import json

from tfrecords_builder.files import write_private


@dataclasses.dataclass(frozen=True)
class Span:
    """A labelled part of a text.

    Attributes:
        start: first character, counted from 0.
        end: the character after the last one.
        label: the entity's type, as typed.
        annotation: the identifier that the source gives it; "" if it gives none.
    """

    start: int
    end: int
    label: str
    annotation: str = ""


@dataclasses.dataclass(frozen=True)
class Document:
    """A text with labelled spans.

    Attributes:
        note_id: the document's identifier; safe to log.
        text: protected health information.
        spans: in the order of the source; they may overlap.
        patient_id: the patient's identifier; "" if unknown.
    """

    note_id: str
    text: str = dataclasses.field(repr=False)
    spans: tuple[Span, ...] = ()
    patient_id: str = ""

    def check_spans(self, source: str) -> None:
        """Checks that every span lies in the text.

        Args:
            source: the file, for the message.

        Raises:
            ValueError: an offset lies outside; names file, annotation, offset and length.
        """
        for number, span in enumerate(self.spans):
            name = span.annotation or f"span {number}"
            check_offsets(source, name, span.start, span.end, len(self.text))


def check_offsets(source: str, annotation: str, start: int, end: int, length: int) -> None:
    """Checks the offsets of one annotation.

    Raises:
        ValueError: not 0 <= start < end <= length.
    """
    if 0 <= start < end <= length:
        return
    raise ValueError(
        f"{source}, {annotation}: expected offsets with 0 <= start < end <= {length} (the text's "
        f"length in characters), received start {start} and end {end}. Use the text that the "
        "annotation was made on."
    )


# What can happen to an annotation, with what the reader did about it.
REASONS = {
    "overlapping": "overlaps an entity that was kept; dropped, since a word has one label",
    "duplicate": "repeats an entity that was kept; dropped",
    "discontinuous": "consists of several fragments; kept as the setting says",
    "moved": "its offsets name other text; kept where its own text was found beside them",
    "misaligned": "its text was not found at its offsets nor beside them; dropped",
    "empty": "has no character or no word; dropped",
    "untyped": "has no type; dropped",
    "split_word": "begins or ends inside a word; kept, the word is divided there",
    "repaired": "its markup was broken and was repaired; kept",
    "without_document": "its document is not in the release; dropped",
}
DROPPED = ("overlapping", "duplicate", "misaligned", "empty", "untyped", "without_document")


class Account:
    """Counts and lists annotations that were changed or dropped, and files that were skipped.

    Only documents and identifiers are kept, never text.

    Attributes:
        entries: one {"reason", "document", "annotation"} each, in the order met.
        skipped: number of files that were left out, by reason.
    """

    def __init__(self):
        self.entries: list[dict[str, str]] = []
        self.skipped: collections.Counter = collections.Counter()

    def add(self, reason: str, document: str, annotation: str) -> None:
        """Notes one annotation under one of REASONS."""
        if reason not in REASONS:
            raise KeyError(reason)
        self.entries.append({"reason": reason, "document": document, "annotation": annotation})

    def counts(self) -> dict[str, int]:
        """{reason: number of annotations}, in the order of REASONS."""
        found = collections.Counter(entry["reason"] for entry in self.entries)
        return {reason: found[reason] for reason in REASONS if found[reason]}

    def dropped(self) -> int:
        """The number of annotations that are in no output."""
        return sum(entry["reason"] in DROPPED for entry in self.entries)

    def lines(self) -> list[str]:
        """One line per reason and per kind of skipped file, for people."""
        told = [f"{count} {reason}: {REASONS[reason]}" for reason, count in self.counts().items()]
        return told + [f"{count} files skipped: {why}" for why, count in self.skipped.items()]

    def write(self, path: str) -> None:
        """Writes the counts and the list as one JSON file (mode 0600)."""
        content = {
            "counts": self.counts(),
            "dropped": self.dropped(),
            "skipped_files": dict(self.skipped),
            "annotations": self.entries,
        }
        write_private(path, json.dumps(content, indent=1) + "\n")

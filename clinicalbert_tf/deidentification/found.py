"""Spans of private data in a note."""

import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

# What finds private data: text -> [{"start", "end", "label", "probability"}], character offsets.
Detector = Callable[[str], Sequence[dict]]

# For types that were not among the dev notes from which thresholds were chosen.
DEFAULT_THRESHOLD = 0.5
# Labels of i2b2, of MEDDOCAN and of common tools that mean a person.
_NAME_PARTS = ("NAME", "PATIENT", "DOCTOR", "PERSON", "NOMBRE")


@dataclass(frozen=True, order=True)
class Found:
    """A span; `end` is exclusive.

    Attributes:
        start, end: character offsets in the original text.
        label: the type of the data, e.g. DATE.
        source: "rule", "model" or "repeat".
    """

    start: int
    end: int
    label: str
    source: str = "rule"


def is_name(label: str) -> bool:
    """Says whether a label means a person's name."""
    return any(part in label.upper() for part in _NAME_PARTS)


def from_detector(
    text: str, spans: Iterable[dict], thresholds: dict[str, float] | None = None
) -> list[Found]:
    """Returns a detector's spans that are sure enough.

    Args:
        text: the note.
        spans: the detector's answer.
        thresholds: type -> lowest probability, 0.5 for types without one; None takes every span.

    Raises:
        ValueError: a span that is no part of the text.
    """
    result = []
    for span in spans:
        start, end = int(span["start"]), int(span["end"])
        if not 0 <= start <= end <= len(text):
            raise ValueError(
                f"Expected spans within the {len(text)} characters of the text, received start "
                f"{start} and end {end} from the model."
            )
        lowest = 0.0 if thresholds is None else thresholds.get(span["label"], DEFAULT_THRESHOLD)
        if end > start and span.get("probability", 1.0) >= lowest:
            result.append(Found(start, end, span["label"], "model"))
    return result


def whole_words(text: str, span: Found) -> Found:
    """Grows a span to the edges of the words that it cuts and drops outer spaces.

    Only letters of alphabets with spaces between words grow: a Chinese sentence is no word.
    """
    start, end = span.start, span.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while 0 < start < end and _joined(text[start - 1], text[start]):
        start -= 1
    while start < end < len(text) and _joined(text[end - 1], text[end]):
        end += 1
    return Found(start, end, span.label, span.source)


def union(spans: Iterable[Found]) -> list[Found]:
    """Joins spans that overlap; spans that only touch stay apart, and text between them stays.

    The joined span has the label and source of its longest part, the first of several equally long
    ones.

    Returns:
        Spans in order of position without overlap.
    """
    result: list[tuple[int, int, Found]] = []
    for span in sorted(spans, key=lambda span: span.start):
        if span.start == span.end:
            continue
        if result and span.start < result[-1][1]:
            start, end, longest = result[-1]
            if span.end - span.start > longest.end - longest.start:
                longest = span
            result[-1] = (start, max(end, span.end), longest)
        else:
            result.append((span.start, span.end, span))
    return [Found(start, end, kept.label, kept.source) for start, end, kept in result]


def _joined(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and ord(left) < 0x250 and ord(right) < 0x250


class Ranges:
    """Sorted ranges without overlap that can be asked quickly."""

    def __init__(self, ranges: list[tuple[int, int]]):
        self._starts = [start for start, _ in ranges]
        self._ends = [end for _, end in ranges]

    def touch(self, start: int, end: int) -> bool:
        """Says whether one of them overlaps [start, end)."""
        place = bisect.bisect_right(self._ends, start)
        return place < len(self._starts) and self._starts[place] < end

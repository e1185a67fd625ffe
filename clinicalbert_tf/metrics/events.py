"""The event score of the i2b2 2012 challenge: overlap, exact, partial credit, type accuracy."""

import bisect
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clinicalbert_tf.metrics.classification import ratio

# Words that are not compared, entities of the released XML included.
_IGNORED = frozenset(string.punctuation) | {"&apos;", "&amp;", "&quot;", "&gt;", "&lt;"}


@dataclass(frozen=True)
class Event:
    """One annotated event; `end` is exclusive, offsets are characters.

    Modality and polarity may stay empty on both sides, which then agree.
    """

    start: int
    end: int
    text: str
    type: str
    modality: str = ""
    polarity: str = ""


def scores(documents: Iterable[tuple[Sequence[Event], Sequence[Event]]]) -> dict:
    """Returns the organisers' event measures, micro-averaged over documents.

    Args:
        documents: (gold events, system events) of each document, in the order of the annotation
            files.

    Returns:
        {"overlap", "exact", "partial": {"precision", "recall", "f1"}, "type_accuracy": share of the
        gold events matched by overlap that have the right type}. Overlap is what the organisers
        rank by; partial gives half a point to an overlap whose words differ. "exact" compares words
        without punctuation, so that it is not the exact F1 of the papers.

    Source: i2b2 2012 temporal relations challenge, eventEvaluation.py and i2b2Evaluation.py.
    """
    totals = dict.fromkeys(("gold", "system", "type"), 0)
    matched = {"recall": [0.0, 0.0, 0.0], "precision": [0.0, 0.0, 0.0]}
    for gold, system in documents:
        totals["gold"] += len(gold)
        totals["system"] += len(system)
        for name, first, second in (("recall", gold, system), ("precision", system, gold)):
            found = match(first, second)
            credits = [credit for credit, _ in found]
            matched[name][0] += sum(credit > 0 for credit in credits)
            matched[name][1] += sum(credit == 1 for credit in credits)
            matched[name][2] += sum(credits)
            if name == "recall":
                totals["type"] += sum(same_type for _, same_type in found)
    result = {}
    for i, name in enumerate(("overlap", "exact", "partial")):
        precision = float(ratio(matched["precision"][i], totals["system"]))
        recall = float(ratio(matched["recall"][i], totals["gold"]))
        result[name] = {
            "precision": precision,
            "recall": recall,
            "f1": float(ratio(2 * precision * recall, precision + recall)),
        }
    result["type_accuracy"] = float(ratio(totals["type"], matched["recall"][0]))
    return result


def match(first: Sequence[Event], second: Sequence[Event]) -> list[tuple[float, bool]]:
    """Looks each event of one side up in the other, each of which is used at most once.

    The organisers' greedy order: an event takes over a partner that another one only overlaps if
    its own words are equal; the other one then stays without a partner, even if it has a second
    choice.

    Returns:
        (credit 0, 0.5 or 1, type is right) of each event of `first`.
    """
    words = [words_of(event.text) for event in first], [words_of(event.text) for event in second]
    near = _Near(second)
    # Per event of `first`: credit, agreement of the three attributes, type is right, partner.
    best: list[tuple[float, int, bool, int | None]] = [(0.0, 0, False, None)] * len(first)
    taken: dict[int, int] = {}
    for i, event in enumerate(first):
        for j in near.indices(event.start, event.end):
            other = second[j]
            if not _overlap(event, other) or not words[0][i][1] or not words[1][j][1]:
                continue
            same_type = event.type.upper() == other.type.upper()
            agreement = same_type + _same(event, other)
            credit, holder = 1.0 if words[0][i][0] == words[1][j][0] else 0.5, taken.get(j)
            current = best[i]
            if credit == 1 and holder is None:
                accept = current[0] < 1 or agreement > current[1]
            elif credit == 1:
                accept = best[holder][0] < 1
            else:
                accept = holder is None and current[0] != 1 and agreement > current[1]
            if not accept:
                continue
            if holder is not None:
                best[holder] = (0.0, 0, False, None)
            elif current[3] is not None:
                taken.pop(current[3], None)
            best[i] = (credit, agreement, same_type, j)
            taken[j] = i
    return [(credit, same_type) for credit, _, same_type, _ in best]


class _Near:
    """Finds the events that may overlap a range without looking at all of them.

    Events are kept by length, doubled from class to class, and sorted by start within a class: one
    very long event then does not make every other one a candidate.
    """

    def __init__(self, events: Sequence[Event]):
        classes: dict[int, list[tuple[int, int]]] = {}
        for j, event in enumerate(events):
            size = max(event.end - event.start, 0).bit_length()
            classes.setdefault(size, []).append((event.start, j))
        self._classes = [(1 << size, sorted(pairs)) for size, pairs in classes.items()]

    def indices(self, start: int, end: int) -> list[int]:
        """Returns indices in ascending order: all that overlap, and few others."""
        found = []
        for longest, pairs in self._classes:
            low = bisect.bisect_left(pairs, (start - longest, -1))
            high = bisect.bisect_left(pairs, (end, -1))
            found += [j for _, j in pairs[low:high]]
        return sorted(found)


def _overlap(event: Event, other: Event) -> bool:
    # Not symmetric: an event that starts later must share two characters.
    if event.start <= other.start:
        return event.end >= other.start + 1
    return other.end > event.start + 1


def _same(event: Event, other: Event) -> int:
    return (event.modality.upper() == other.modality.upper()) + (
        event.polarity.upper() == other.polarity.upper()
    )


def words_of(text: str) -> tuple[list[str], bool]:
    """The words that are compared, and whether the text holds a letter or digit at all."""
    return [word for word in text.split() if word not in _IGNORED], bool(re.search(r"\w", text))

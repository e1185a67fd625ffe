"""The organisers' scores of a part: events of i2b2 2012, private data of i2b2 2006 and 2014."""

from collections.abc import Sequence
from typing import Any

from clinicalbert_tf.datasets.i2b2_xml import category_of
from clinicalbert_tf.datasets.labelled_words import Sentence
from clinicalbert_tf.metrics import events, phi
from clinicalbert_tf.metrics.spans import entities

EVENT_TASKS = ("i2b2_2012",)
PHI_TASKS = ("i2b2_2006", "i2b2_2014")

# A word with its place in its document: (start, end, word).
_Placed = tuple[int, int, str]


def organiser_scores(
    task_name: str,
    sentences: Sequence[Sentence],
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Scores labels as the organisers of a task did, by document.

    Sentences whose document is unknown are a document each; their words then stand one space
    apart. White space between words is not known and does not count in any of the measures.

    Args:
        task_name: one of datasets.entity_sets.ENTITY_TASKS.
        sentences: the sentences of a part.
        gold, predicted: per sentence, a label per word.

    Returns:
        {"i2b2_2012": see metrics.events.scores} or {"phi": see metrics.phi.scores, without the
        HIPAA subset for 2006, whose types are coarser}, and "scored_by": "document" or "sentence";
        {} for tasks without such scores.
    """
    if task_name not in (*EVENT_TASKS, *PHI_TASKS) or not sentences:
        return {}
    documents = _documents(sentences)
    scored_by = "document" if all(s.document for s in sentences) else "sentence"
    if task_name in EVENT_TASKS:
        pairs = [
            tuple(_events(words, of, side) for side in (gold, predicted))
            for words, of in documents.values()
        ]
        return {"i2b2_2012": {**events.scores(pairs), "scored_by": scored_by}}
    scores = phi.scores(
        {
            name: phi.Document(_text(words, of), *(_phi(words, of, s) for s in (gold, predicted)))
            for name, (words, of) in documents.items()
        }
    )
    # Every document was labelled.
    del scores["missing_documents"]
    if task_name == "i2b2_2006":
        scores = {name: value for name, value in scores.items() if not name.startswith("hipaa")}
    return {"phi": {**scores, "scored_by": scored_by}}


def _documents(
    sentences: Sequence[Sentence],
) -> dict[str, tuple[dict[int, list[_Placed]], list[int]]]:
    """{document: (placed words by number of the sentence, numbers of its sentences)}."""
    documents: dict[str, tuple[dict[int, list[_Placed]], list[int]]] = {}
    for number, sentence in enumerate(sentences):
        name = sentence.document or f"sentence {number}"
        words, numbers = documents.setdefault(name, ({}, []))
        offsets = sentence.offsets
        if not offsets:
            # Behind what is already there of the document.
            start = 1 + max((end for of in words.values() for _, end, _ in of[-1:]), default=-1)
            offsets = []
            for word in sentence.words:
                offsets.append((start, start + len(word)))
                start += len(word) + 1
        placed = zip(offsets, sentence.words, strict=True)
        words[number] = [(start, end, word) for (start, end), word in placed]
        numbers.append(number)
    return documents


def _spans(words: dict[int, list[_Placed]], numbers: list[int], labels) -> list[tuple]:
    """(start, end, words, type) of the entities of a document."""
    return [
        (
            words[number][first][0],
            words[number][last - 1][1],
            " ".join(word for _, _, word in words[number][first:last]),
            kind,
        )
        for number in numbers
        for kind, first, last in entities(labels[number])
    ]


def _events(words: dict[int, list[_Placed]], numbers: list[int], labels) -> list[events.Event]:
    return [events.Event(*span) for span in _spans(words, numbers, labels)]


def _phi(words: dict[int, list[_Placed]], numbers: list[int], labels) -> tuple[phi.Phi, ...]:
    return tuple(
        phi.Phi(category_of(kind), kind, start, end)
        for start, end, _, kind in _spans(words, numbers, labels)
    )


def _text(words: dict[int, list[_Placed]], numbers: list[int]) -> str:
    """The document with all white space as spaces."""
    placed = sorted(place for number in numbers for place in words[number])
    pieces, length = [], 0
    for start, end, word in placed:
        pieces += [" " * (start - length), word]
        length = end
    return "".join(pieces)

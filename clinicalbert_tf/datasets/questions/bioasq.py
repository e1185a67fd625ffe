"""BioASQ task B as released: questions with snippets and exact answers, without offsets.

```
{"questions": [{"id", "body", "type": "factoid" | "list" | "yesno" | "summary",
    "snippets": [{"text", "document", ...}], "exact_answer"}]}
```
Each snippet becomes a context of its own with the id `ID_001`, `ID_002`, ... as in BioBERT's
prepared files; `group_id` keeps them together. An answer is the first place at which the snippet
holds the text of an exact answer or of one of its synonyms as whole words, the longest first. A
snippet that holds none has no answer (`is_impossible`). A list question has one answer for each
item that the snippet holds. Questions that want a summary are left out.

Source: BioASQ (Tsatsaronis et al. 2015); BioBERT at BioASQ 7b (Yoon et al. 2019), "snippet as is".
"""

import re
from collections.abc import Iterator
from typing import Any

from clinicalbert_tf.datasets.questions.fields import field
from clinicalbert_tf.texts.question_answering.question import Answer, Question

KINDS = ("factoid", "list", "yesno")


def questions_of(content: Any, source: str) -> Iterator[Question]:
    """The questions of a loaded file, one for each snippet.

    Args:
        content: the file's JSON value.
        source: its name, for errors.

    Raises:
        ValueError: a key is missing or its value has another type, or a type is not BioASQ's.
    """
    for number, item in enumerate(field(content, "questions", list, source, "top level")):
        question_id = str(field(item, "id", (str, int), source, f"question {number}"))
        place = f"question {question_id!r}"
        kind = field(item, "type", str, source, place)
        if kind not in (*KINDS, "summary"):
            raise ValueError(
                f"{source}, {place}: expected a type of {', '.join(KINDS)} or summary, received "
                f"another of {len(kind)} characters. Correct the file."
            )
        if kind != "summary":
            yield from _snippets(item, question_id, kind, source, place)


def exact_answers(item: dict) -> list[list[str]] | None:
    """The exact answers of a question: for each its synonyms; None if the file has none.

    BioASQ writes a factoid's as "a", ["a", "b"] or [["a", "b"]] and a list's as [["a"], ["b"]].
    A flat list is read as synonyms of one answer in a factoid and as several answers in a list.
    """
    given = item.get("exact_answer")
    if given is None:
        return None
    if isinstance(given, str):
        return [[given]]
    if given and all(isinstance(entry, str) for entry in given):
        return [[entry] for entry in given] if item.get("type") == "list" else [list(given)]
    return [[entry] if isinstance(entry, str) else list(entry) for entry in given]


def find_answer(context: str, synonyms: list[str]) -> Answer | None:
    """The first place at which the context holds a synonym as whole words, the longest first.

    Upper and lower case are told apart only if a synonym is found that way.
    """
    wanted = sorted({text.strip() for text in synonyms if text.strip()}, key=lambda t: (-len(t), t))
    for flags in (0, re.IGNORECASE):
        for text in wanted:
            match = re.search(rf"(?<!\w){re.escape(text)}(?!\w)", context, flags)
            if match:
                return Answer(match.group(), match.start())
    return None


def _snippets(item: dict, question_id: str, kind: str, source: str, place: str):
    body = field(item, "body", str, source, place)
    answers = exact_answers(item)
    label = _label(item, source, place) if kind == "yesno" and answers is not None else None
    if "snippets" not in item:
        return
    for number, snippet in enumerate(field(item, "snippets", list, source, place), start=1):
        context = field(snippet, "text", str, source, place)
        found, impossible = (), None
        if answers is not None and kind != "yesno":
            located = (find_answer(context, synonyms) for synonyms in answers)
            found = tuple(answer for answer in located if answer is not None)
            impossible = not found
        yield Question(
            question_id=f"{question_id}_{number:03d}",
            text=body,
            context=context,
            answers=found,
            is_impossible=impossible,
            document_id=question_id,
            group_id=question_id,
            kind=kind,
            label=label,
            names=tuple(map(tuple, answers or ())) if kind != "yesno" else (),
        )


def _label(item: dict, source: str, place: str) -> str:
    label = exact_answers(item)[0][0].strip().lower()
    if label not in ("yes", "no"):
        raise ValueError(
            f"{source}, {place}: expected the exact answer yes or no, received another of "
            f"{len(label)} characters. Correct the file."
        )
    return label

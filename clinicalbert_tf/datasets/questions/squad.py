"""SQuAD 1.1 and 2.0, and what BioBERT's authors prepared from BioASQ in the same layout.

```
{"data": [{"title", "paragraphs": [{"context", "qas": [
    {"id", "question", "answers": [{"text", "answer_start"}], "is_impossible"}]}]}]}
```
The prepared BioASQ files have a question several times, once per snippet, with ids of 24 + 4
characters (`..._001`), and "yes" or "no" in place of the answers of a yes/no question. Whether the
others are factoid or list questions only the file's name says (`BioASQ-train-list-...`).

Source: SQuAD (Rajpurkar et al. 2016, 2018); BioBERT at BioASQ 7b (Yoon et al. 2019).
"""

import os
import re
from collections.abc import Iterator
from typing import Any

from clinicalbert_tf.datasets.questions.fields import field
from clinicalbert_tf.texts.question_answering.question import Answer, Question

_PREPARED_BIOASQ_ID = re.compile(r"([0-9a-f]{24})_\d{3}")


def questions_of(content: Any, source: str) -> Iterator[Question]:
    """The questions of a loaded file.

    Args:
        content: the file's JSON value.
        source: its name, for errors.

    Raises:
        ValueError: a key is missing or its value has another type.
    """
    for number, article in enumerate(field(content, "data", list, source, "top level")):
        place = f"article {number}"
        for part, paragraph in enumerate(field(article, "paragraphs", list, source, place)):
            place_in = f"{place}, paragraph {part}"
            context = field(paragraph, "context", str, source, place_in)
            # deepset's files name the article in the paragraph, and have no title.
            named = paragraph.get("document_id", article.get("title"))
            document = str(number) if named in (None, "") else str(named)
            for qa in field(paragraph, "qas", list, source, place_in):
                yield _question(qa, context, document, source, place_in)


def _question(qa: Any, context: str, document: str, source: str, place: str) -> Question:
    question_id = str(field(qa, "id", (str, int), source, place))
    place = f"question {question_id!r}"
    prepared = _PREPARED_BIOASQ_ID.fullmatch(question_id)
    given = qa.get("answers")
    label = given if given in ("yes", "no") else None
    impossible = None
    if "is_impossible" in qa and label is None:
        impossible = field(qa, "is_impossible", bool, source, place)
    answers = []
    if given is not None and label is None:
        for answer in field(qa, "answers", list, source, place):
            text = field(answer, "text", str, source, place)
            answers.append(Answer(text, field(answer, "answer_start", int, source, place)))
    return Question(
        question_id=question_id,
        text=field(qa, "question", str, source, place),
        context=context,
        answers=tuple(answers),
        is_impossible=impossible,
        document_id=prepared.group(1) if prepared else document,
        group_id=prepared.group(1) if prepared else question_id,
        kind=_kind(source, label, bool(prepared)),
        label=label,
    )


def _kind(source: str, label: str | None, prepared: bool) -> str:
    if label:
        return "yesno"
    if not prepared:
        return "span"
    return "list" if "list" in os.path.basename(source).lower() else "factoid"

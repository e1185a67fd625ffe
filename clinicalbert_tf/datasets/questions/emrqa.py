"""emrQA: questions generated from the i2b2 annotations, answers at line and token.

```
{"data": [{"title", "paragraphs": [{"note_id", "context": [line, ...], "qas": [
    {"id", "question": [paraphrase, ...], "answers": [
        {"text", "answer_start": [line, token], "evidence", "evidence_start": line}]}]}]}]}
```
Lines count from 1 and tokens between white space from 0, as in the i2b2 2009 challenge. The risk
set has a character offset (`answer_start: [offset]`) and lines without line ends instead. The ids
of the files are templates that repeat: a question's id here is made of title, note, place and
paraphrase.

Source: emrQA (Pampari et al. 2018), generation/combine_data/squad_format.py.
"""

import re
from collections.abc import Iterator
from typing import Any

from clinicalbert_tf.datasets.questions.fields import field
from clinicalbert_tf.texts.question_answering.question import Answer, Question

ANSWER_UNITS = ("concept", "evidence")
_TOKEN = re.compile(r"\S+")
# Where an answer is said to stand if the file does not say: `locate` then looks for it.
_UNKNOWN = -1


def is_emrqa(content: Any) -> bool:
    """Whether a loaded file looks like emrQA: contexts in lines, or several forms of a question."""
    sets = content.get("data") if isinstance(content, dict) else content
    try:
        paragraph = next(part for one in sets for part in one["paragraphs"])
        return isinstance(paragraph["context"], list) or isinstance(
            next(iter(paragraph["qas"]), {}).get("question"), list
        )
    except (TypeError, KeyError, StopIteration, AttributeError):
        return False


def questions_of(
    content: Any, source: str, answer_unit: str = "concept", paraphrases: int = 1
) -> Iterator[Question]:
    """The questions of a loaded file.

    Args:
        content: the file's JSON value; a list of sets is taken as the value of "data".
        source: its name, for errors.
        answer_unit: "concept" for the answer's own text, "evidence" for the whole line that holds
            it, as in the paper.
        paraphrases: forms of each question at most; each is a question of its own.

    Raises:
        ValueError: a key is missing or its value has another type.
    """
    content = {"data": content} if isinstance(content, list) else content
    for number, one in enumerate(field(content, "data", list, source, "top level")):
        title = str(one.get("title", number)) if isinstance(one, dict) else str(number)
        for part, paragraph in enumerate(field(one, "paragraphs", list, source, f"set {number}")):
            place = f"set {number}, note {part}"
            note = _Note(field(paragraph, "context", (list, str), source, place))
            note_id = str(paragraph.get("note_id", part))
            for count, qa in enumerate(field(paragraph, "qas", list, source, place)):
                base = f"{title}-{note_id}-{count}"
                answers = field(qa, "answers", list, source, f"question {base!r}")
                found = tuple(a for one in answers for a in note.answers(one, answer_unit))
                forms = field(qa, "question", (list, str), source, f"question {base!r}")
                forms = [forms] if isinstance(forms, str) else forms
                for form, text in enumerate(forms[:paraphrases]):
                    yield Question(
                        question_id=f"{base}-{form}",
                        text=text,
                        context=note.text,
                        answers=found,
                        document_id=note_id,
                        group_id=base,
                    )


class _Note:
    """A note of several lines."""

    def __init__(self, context: list[str] | str):
        lines = [context] if isinstance(context, str) else context
        # Some of the sets keep each line's end.
        ended = any(line.endswith("\n") for line in lines[:-1])
        self._lines = lines if ended else [f"{line}\n" for line in lines[:-1]] + lines[-1:]
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self.text = "".join(self._lines)

    def answers(self, answer: dict, unit: str) -> Iterator[Answer]:
        """The answer, at the offset that its line and token give; nothing without a text."""
        where = answer.get("answer_start") or []
        where = where if isinstance(where, list) else [where]
        if where and isinstance(where[0], list):
            where = where[0]
        if unit == "evidence":
            yield from self._evidence(answer, where)
        elif answer.get("text", "").strip():
            yield self._concept(answer["text"].strip(), where)

    def _evidence(self, answer: dict, where: list) -> Iterator[Answer]:
        lines = answer.get("evidence_start", where[:1])
        for line in dict.fromkeys(lines if isinstance(lines, list) else [lines]):
            if isinstance(line, int) and 1 <= line <= len(self._lines):
                text = self._lines[line - 1]
                if text.strip():
                    indent = len(text) - len(text.lstrip())
                    yield Answer(text.strip(), self._starts[line - 1] + indent)

    def _concept(self, text: str, where: list) -> Answer:
        if len(where) < 2:
            offset = where[0] if where and isinstance(where[0], int) else _UNKNOWN
            return Answer(text, offset)
        line, token = where[:2]
        if not (isinstance(line, int) and 1 <= line <= len(self._lines)):
            return Answer(text, _UNKNOWN)
        begin = self._starts[line - 1]
        tokens = list(_TOKEN.finditer(self._lines[line - 1]))
        if not (isinstance(token, int) and 0 <= token < len(tokens)):
            return Answer(text, _UNKNOWN)
        start = begin + tokens[token].start()
        # The annotations are in lower case and have single spaces; the note need not.
        pattern = r"\s+".join(map(re.escape, text.split()))
        match = re.compile(pattern, re.IGNORECASE).match(self.text, start)
        return Answer(match.group(), start) if match else Answer(text, start)

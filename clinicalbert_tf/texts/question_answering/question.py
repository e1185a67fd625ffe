"""A question about a text, with the answers that are known."""

import dataclasses
from collections.abc import Iterable, Iterator


@dataclasses.dataclass(frozen=True)
class Answer:
    """A stretch of the context.

    Attributes:
        text: protected health information.
        start: offset of its first character in the context, in characters (Unicode code points);
            as the file says until `answer_offsets.located_question` has checked it.
    """

    text: str = dataclasses.field(repr=False)
    start: int

    @property
    def end(self) -> int:
        """Offset after the last character."""
        return self.start + len(self.text)


@dataclasses.dataclass(frozen=True)
class Question:
    """One question about one context.

    Attributes:
        question_id: as typed in the file; unique and safe to log.
        text: the question.
        context: the text in which the answer is looked for.
        answers: the known answers; empty if there is none or none is given.
        is_impossible: whether the file says that the context holds no answer; None if it does not
            say.
        document_id: note or article of the context: what a split and a bootstrap keep together.
        group_id: the question that several contexts share (BioASQ); else the question's id.
        kind: "span", or BioASQ's "factoid", "list" or "yesno".
        label: "yes" or "no" of a yes/no question, else None.
        names: BioASQ's exact answers, whether this context holds them or not: for each the names
            that are accepted.
    """

    question_id: str
    text: str = dataclasses.field(repr=False)
    context: str = dataclasses.field(repr=False)
    answers: tuple[Answer, ...] = dataclasses.field(default=(), repr=False)
    is_impossible: bool | None = None
    document_id: str = ""
    group_id: str = ""
    kind: str = "span"
    label: str | None = None
    names: tuple[tuple[str, ...], ...] = dataclasses.field(default=(), repr=False)

    @property
    def has_answer(self) -> bool:
        """Whether the context holds an answer: as the file says, or whether one is given."""
        return bool(self.answers) if self.is_impossible is None else not self.is_impossible

    def holds(self, answer: Answer) -> bool:
        """Whether the context holds the answer's text at the answer's offset."""
        return answer.start >= 0 and self.context.startswith(answer.text, answer.start)


def check_unique(questions: Iterable[Question], source: str) -> Iterator[Question]:
    """The same questions; an id must not come twice, since answers are written by id.

    Args:
        questions: a file's questions.
        source: the file's name, for the error.

    Raises:
        ValueError: an id comes twice; names it.
    """
    seen = set()
    for question in questions:
        if question.question_id in seen:
            raise ValueError(
                f"{source}: expected every question's id once, received {question.question_id!r} "
                "twice. Answers are written by id: give each question its own."
            )
        seen.add(question.question_id)
        yield question

"""Questions ready for use: answers at their right offsets, the others left out and counted."""

import dataclasses
from collections.abc import Iterable

from clinicalbert_tf.texts.question_answering.answer_offsets import located_question
from clinicalbert_tf.texts.question_answering.question import Question

_SHOWN_IDS = 5


@dataclasses.dataclass(frozen=True)
class CheckedQuestions:
    """Questions and what was done to them.

    Attributes:
        questions: those that can be used, in order.
        moved: ids of the questions with an answer that was not at its offset and was found.
        left_out: ids of the questions with an answer that was not at its offset and is nowhere, or
            in several places.
    """

    questions: list[Question]
    moved: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def check_questions(
    questions: Iterable[Question], source: str, leave_out_misplaced: bool = False
) -> CheckedQuestions:
    """Puts every answer at its right offset.

    Args:
        questions: as the file has them.
        source: its name, for errors.
        leave_out_misplaced: whether a question whose answer cannot be located is left out instead
            of being an error.

    Raises:
        ValueError: an answer cannot be located; names the questions, never the text.
    """
    usable, moved, lost = [], [], []
    for question in questions:
        located = located_question(question)
        if located is None:
            lost.append(question.question_id)
            continue
        usable.append(located)
        if located.answers and not all(map(question.holds, question.answers)):
            moved.append(question.question_id)
    if lost and not leave_out_misplaced:
        more = f" and {len(lost) - _SHOWN_IDS} more" if len(lost) > _SHOWN_IDS else ""
        raise ValueError(
            f"{source}: expected every answer at its answer_start (characters from 0), or else "
            f"once in its context; received {len(lost)} questions with an answer that is in none "
            f"or several places: {', '.join(map(repr, lost[:_SHOWN_IDS]))}{more}. Correct their "
            "answer_start, or give --leave_out_misplaced_answers."
        )
    return CheckedQuestions(usable, tuple(moved), tuple(lost))


def check_trainable(questions: Iterable[Question], version_2: bool, source: str) -> None:
    """Checks that questions can be trained on.

    Raises:
        ValueError: a question without an answer although `version_2` is off, or a yes/no question;
            names its id.
    """
    for question in questions:
        if question.kind == "yesno":
            raise ValueError(
                f"{source}, question {question.question_id!r}: expected an answer that is part of "
                "the context, received a yes/no question. Train those with "
                "`python -m clinicalbert_tf.run_classifier --task_name bioasq_yesno`."
            )
        if not version_2 and not question.has_answer:
            raise ValueError(
                f"{source}, question {question.question_id!r}: expected an answer, received none. "
                "Give --version_2_with_negative to train on questions without an answer."
            )
        if question.has_answer and not question.context.strip():
            raise ValueError(
                f"{source}, question {question.question_id!r}: expected a context that holds the "
                "answer, received an empty one. Correct the file."
            )

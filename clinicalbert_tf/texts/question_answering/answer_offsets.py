"""Where a known answer stands in its context, if the file's offset is not to be trusted.

Offsets are counted by many programs in many ways: in UTF-16 units by those written in JavaScript
(an emoji counts 2), with a line end of one character by those that read the text in text mode.
An answer that stands at none of these places is moved only if the context holds it once.
"""

import bisect
import dataclasses
import re

from clinicalbert_tf.texts.question_answering.question import Answer, Question


def locate(context: str, answer: Answer) -> Answer | None:
    """The answer with the right offset and without white space at its ends.

    Args:
        context: the text.
        answer: as the file has it.

    Returns:
        An answer whose text is `context[start:end]`: at its offset; else at the offset counted in
        UTF-16 units, or with CR LF as one character; else where the context holds it, if that is
        only one place. None if there is no such place, or the answer is empty.
    """
    texts = [answer.text]
    if "\r\n" in context:
        texts.append(answer.text.replace("\r\n", "\n").replace("\n", "\r\n"))
    for text in texts:
        for start in _readings(context, answer.start):
            if start >= 0 and context.startswith(text, start):
                return _stripped(text, start)
    for text in texts:
        first = context.find(text.strip())
        if text.strip() and first != -1 and context.find(text.strip(), first + 1) == -1:
            return _stripped(text.strip(), first)
    return None


def located_question(question: Question) -> Question | None:
    """The question with its answers at the right offsets.

    Args:
        question: as the file has it.

    Returns:
        The same question, each answer checked by `locate`; None if an answer cannot be located.
    """
    if question.is_impossible or not question.answers:
        return dataclasses.replace(question, answers=())
    answers = tuple(locate(question.context, answer) for answer in question.answers)
    return None if None in answers else dataclasses.replace(question, answers=answers)


def _readings(context: str, start: int) -> list[int]:
    """The offset as it stands, in UTF-16 units, and with CR LF counted as one character."""
    readings = [start]
    if not context.isascii():
        readings.append(_from_utf16(context, start))
    if "\r\n" in context:
        readings.append(_from_short_line_ends(context, start))
    return readings


def _from_utf16(context: str, units: int) -> int:
    wide = [index for index, char in enumerate(context) if ord(char) > 0xFFFF]
    # In UTF-16 units a wide character begins one place later for each one before it.
    return units - bisect.bisect_left([place + n for n, place in enumerate(wide)], units)


def _from_short_line_ends(context: str, start: int) -> int:
    ends = [match.start() - n for n, match in enumerate(re.finditer("\r\n", context))]
    return start + bisect.bisect_left(ends, start)


def _stripped(text: str, start: int) -> Answer | None:
    kept = text.strip()
    return Answer(kept, start + text.index(kept)) if kept else None

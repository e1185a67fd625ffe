"""The reference's examples and features, quirk by quirk: what `--answers=reference` trains on.

Kept as they are: a window without the answer learns position 0, also in SQuAD 1.1; an answer whose
text does not occur in the joined words is left out; an offset on white space means the word before
it; an answer is narrowed to the first run of wordpieces that equals its own. tests/golden/
question_answering/README.md lists them all.

Source: read_squad_examples and convert_examples_to_features of the BERT reference's run_squad.py.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from clinicalbert_tf.texts.question_answering.pieces import ContextPieces, split_words
from clinicalbert_tf.texts.question_answering.question import Question
from clinicalbert_tf.texts.question_answering.windows import (
    NO_ANSWER,
    EncodedQuestion,
    Window,
)
from tfrecords_builder.tokenization import BertTokenizer

FIRST_UNIQUE_ID = 1_000_000_000


@dataclasses.dataclass(frozen=True)
class ReferenceExample:
    """The reference's SquadExample: the same names; words instead of characters."""

    qas_id: str
    question_text: str = dataclasses.field(repr=False)
    doc_tokens: list[str] = dataclasses.field(repr=False)
    orig_answer_text: str | None = dataclasses.field(default=None, repr=False)
    start_position: int | None = None
    end_position: int | None = None
    is_impossible: bool = False


@dataclasses.dataclass(frozen=True)
class ReferenceFeature:
    """The reference's InputFeatures, not padded: the same names."""

    unique_id: int
    example_index: int
    doc_span_index: int
    tokens: list[str] = dataclasses.field(repr=False)
    token_to_orig_map: dict[int, int] = dataclasses.field(repr=False)
    token_is_max_context: dict[int, bool] = dataclasses.field(repr=False)


def reference_example(
    question: Question, is_training: bool, version_2: bool
) -> ReferenceExample | None:
    """A question as the reference's example.

    Args:
        question: as the file has it.
        is_training: whether the answer is read.
        version_2: the reference's version_2_with_negative.

    Returns:
        The example; None if the reference leaves it out since the answer's text does not occur in
        the words that its offset points to.

    Raises:
        ValueError: not exactly one answer, no `is_impossible` although version_2 is on, or an
            offset past the context; names the question's id.
    """
    words, word_of_character = _words(question.context)
    example = ReferenceExample(question.question_id, question.text, words)
    if not is_training:
        return example
    if version_2 and question.is_impossible is None:
        raise _error(question, "is_impossible in every question of SQuAD 2.0", "a question without")
    if version_2 and question.is_impossible:
        return dataclasses.replace(
            example, orig_answer_text="", start_position=-1, end_position=-1, is_impossible=True
        )
    if len(question.answers) != 1:
        raise _error(question, "exactly 1 answer for training", str(len(question.answers)))
    answer = question.answers[0]
    try:
        start = word_of_character[answer.start]
        end = word_of_character[answer.end - 1]
    except IndexError:
        raise _error(
            question,
            f"an answer within the context of {len(question.context)} characters",
            f"one from {answer.start} to {answer.end}",
        ) from None
    if " ".join(answer.text.split()) not in " ".join(words[start : end + 1]):
        return None
    return dataclasses.replace(
        example, orig_answer_text=answer.text, start_position=start, end_position=end
    )


def reference_windows(
    encoded: EncodedQuestion, example: ReferenceExample, tokenizer: BertTokenizer
) -> list[Window]:
    """The windows with the reference's training targets; without any for an example that has none.

    Args:
        encoded: the question's windows.
        example: the same question, see `reference_example`.
        tokenizer: the model's tokenizer.
    """
    if example.start_position is None:
        return encoded.windows
    span = None
    if not example.is_impossible:
        answer_ids = tokenizer.encode(example.orig_answer_text)
        span = narrow_answer(encoded.pieces.ids, *_piece_span(encoded.pieces, example), answer_ids)
    placed = [window.place(span) if span else None for window in encoded.windows]
    return [
        dataclasses.replace(window, positions=positions or NO_ANSWER)
        for window, positions in zip(encoded.windows, placed, strict=True)
    ]


def reference_features(
    encoded: EncodedQuestion,
    tokenizer: BertTokenizer,
    example_index: int,
    first_unique_id: int = FIRST_UNIQUE_ID,
) -> Iterator[ReferenceFeature]:
    """The windows as the reference's features, which its answers are read from.

    Args:
        encoded: a question's windows.
        tokenizer: the model's tokenizer.
        example_index: the question's place among the examples.
        first_unique_id: id of the first window.
    """
    for number, window in enumerate(encoded.windows):
        inside = slice(window.first_piece, window.first_piece + window.num_pieces)
        words = encoded.pieces.words[inside].tolist()
        yield ReferenceFeature(
            unique_id=first_unique_id + number,
            example_index=example_index,
            doc_span_index=number,
            tokens=tokenizer.convert_ids_to_tokens(window.token_ids.tolist()),
            token_to_orig_map=dict(enumerate(words, window.context_start)),
            token_is_max_context=dict(enumerate(window.max_context.tolist(), window.context_start)),
        )


def narrow_answer(
    pieces: Sequence, start: int, end: int, answer_pieces: Sequence
) -> tuple[int, int]:
    """The first run of wordpieces between `start` and `end` that equals the answer's own.

    Args:
        pieces: the context's wordpieces (ids or text).
        start, end: first and last wordpiece of the answer's words.
        answer_pieces: the wordpieces of the answer's text.

    Returns:
        First and last wordpiece of the run; `start` and `end` if there is none.

    Source: _improve_answer_span of the BERT reference's run_squad.py.
    """
    wanted = list(answer_pieces)
    if wanted:
        for first in range(start, end - len(wanted) + 2):
            if list(pieces[first : first + len(wanted)]) == wanted:
                return first, first + len(wanted) - 1
    return start, end


def _words(context: str) -> tuple[list[str], list[int]]:
    """The words, and for each character the last word that begins at or before it (-1: none)."""
    words = split_words(context)
    begins = [offset for _, offset in words]
    edges = [0, *begins, len(context)]
    word_of_character = []
    for number, (begin, end) in enumerate(itertools.pairwise(edges), start=-1):
        word_of_character += [number] * (end - begin)
    return [word for word, _ in words], word_of_character


def _piece_span(pieces: ContextPieces, example: ReferenceExample) -> tuple[int, int]:
    """First and last wordpiece of the answer's words; empty words give an empty span."""
    last_word = len(example.doc_tokens) - 1
    # Python's list index -1 (an offset before the first word) means the last word.
    start_word = example.start_position % len(example.doc_tokens)
    first = int(pieces.words.searchsorted(start_word))
    if example.end_position < last_word:
        return first, int(pieces.words.searchsorted(example.end_position + 1)) - 1
    return first, len(pieces) - 1


def _error(question: Question, expected: str, received: str) -> ValueError:
    return ValueError(
        f"Question {question.question_id!r}: expected {expected}, received {received}. Correct the "
        "file, or drop --answers=reference."
    )

"""A question and its context as the sequences that a model reads.

`[CLS] question [SEP] window of the context [SEP]`: a long context is read in windows that overlap.
"""

import dataclasses

import numpy as np

from clinicalbert_tf.texts.question_answering.max_context import best_windows
from clinicalbert_tf.texts.question_answering.pieces import ContextEncoder, ContextPieces
from clinicalbert_tf.texts.question_answering.question import Answer, Question
from tfrecords_builder.tokenization import BertTokenizer

NO_ANSWER = (0, 0)  # [CLS], in training


@dataclasses.dataclass(frozen=True)
class WindowSettings:
    """How a question and its context are cut into windows.

    Attributes:
        max_seq_length: tokens per window at most, [CLS] and both [SEP] included.
        doc_stride: wordpieces from one window's start to the next.
        max_query_length: wordpieces of the question at most; a longer one is cut at its end.

    Raises:
        ValueError: a window would have no room for the context, or the windows would not advance.

    Source: run_squad.py of the BERT reference.
    """

    max_seq_length: int = 384
    doc_stride: int = 128
    max_query_length: int = 64

    def __post_init__(self):
        if self.max_seq_length <= self.max_query_length + 3:
            raise ValueError(
                f"Expected max_seq_length greater than max_query_length + 3 = "
                f"{self.max_query_length + 3}, so that the context has room beside the question, "
                f"received {self.max_seq_length}. Raise --max_seq_length or lower "
                "--max_query_length."
            )
        for name in ("doc_stride", "max_query_length"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"Expected {name} of at least 1 wordpiece, received {getattr(self, name)}. "
                    f"Correct --{name}."
                )


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
    """One input of the model.

    Attributes:
        token_ids: int32 [length], not padded.
        context_start: position of the first wordpiece of the context.
        first_piece: that wordpiece's number in the context.
        max_context: bool [wordpieces of the window], whether this window is the one in which the
            wordpiece has its maximum context.
        positions: (start, end) to learn, `NO_ANSWER` for none; None if the window has no target.
    """

    token_ids: np.ndarray = dataclasses.field(repr=False)
    context_start: int
    first_piece: int
    max_context: np.ndarray = dataclasses.field(repr=False)
    positions: tuple[int, int] | None = None

    @property
    def num_pieces(self) -> int:
        """Wordpieces of the context in this window."""
        return len(self.token_ids) - self.context_start - 1

    def place(self, span: tuple[int, int]) -> tuple[int, int] | None:
        """Positions in this window of a span of wordpieces; None unless it is in here whole."""
        first, last = (number - self.first_piece for number in span)
        if first < 0 or last >= self.num_pieces:
            return None
        return first + self.context_start, last + self.context_start


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedQuestion:
    """A question with its context's wordpieces and windows.

    Attributes:
        question: the question.
        pieces: the context's wordpieces.
        windows: one or more; none if the context has no wordpiece.
    """

    question: Question
    pieces: ContextPieces = dataclasses.field(repr=False)
    windows: list[Window] = dataclasses.field(repr=False)


class WindowMaker:
    """Questions to windows.

    Args:
        tokenizer: the model's tokenizer.
        settings: lengths and stride.

    Source: convert_examples_to_features of the BERT reference's run_squad.py; the windows are the
        same, the targets of training are not (see `training_windows`).
    """

    def __init__(self, tokenizer: BertTokenizer, settings: WindowSettings):
        self._tokenizer = tokenizer
        self._settings = settings
        self._encoder = ContextEncoder(tokenizer)

    def encode(self, question: Question) -> EncodedQuestion:
        """The windows of a question, without targets."""
        pieces = self._encoder.encode(question.context)
        head = self._tokenizer.encode(question.text)[: self._settings.max_query_length]
        head = [self._tokenizer.cls_id, *head, self._tokenizer.sep_id]
        size = self._settings.max_seq_length - len(head) - 1
        starts = window_starts(len(pieces), size, self._settings.doc_stride)
        lengths = [min(size, len(pieces) - start) for start in starts]
        best = best_windows(starts, lengths)
        windows = []
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            inside = slice(start, start + length)
            ids = np.concatenate([head, pieces.ids[inside], [self._tokenizer.sep_id]])
            windows.append(
                Window(ids.astype(np.int32), len(head), start, np.equal(best[inside], number))
            )
        return EncodedQuestion(question, pieces, windows)


def window_starts(count: int, size: int, stride: int) -> list[int]:
    """First wordpiece of each window: one `stride` after the other until a window reaches the end.

    Args:
        count: wordpieces of the context.
        size: wordpieces per window.
        stride: wordpieces from one start to the next; more than `size` counts as `size`.
    """
    if count == 0:
        return []
    stride = min(size, stride)
    return list(range(0, max(count - size, 0) + stride, stride))


def answer_pieces(pieces: ContextPieces, answer: Answer) -> tuple[int, int] | None:
    """The first and last wordpiece that share a character with an answer; None if there is none.

    Args:
        pieces: the context's wordpieces.
        answer: an answer at its right offset.
    """
    touching = np.flatnonzero((pieces.starts < answer.end) & (pieces.ends > answer.start))
    return (int(touching[0]), int(touching[-1])) if len(touching) else None


def training_windows(encoded: EncodedQuestion, version_2: bool) -> list[Window]:
    """The windows to train on, with targets.

    The answer is the first one given. A window that holds it whole learns it. A window that holds
    a part of it is left out, since neither a span nor "no answer" would be right. A window without
    any of it learns "no answer" in SQuAD 2.0 and is left out in SQuAD 1.1, where "no answer" can
    never be predicted.

    Args:
        encoded: a question whose answers are at their right offsets.
        version_2: whether questions may have no answer.

    Returns:
        The windows in order; none if no window holds the answer whole in SQuAD 1.1.
    """
    span = None
    if encoded.question.has_answer:
        span = answer_pieces(encoded.pieces, encoded.question.answers[0])
        if span is None:
            return []
    chosen = []
    for window in encoded.windows:
        positions = window.place(span) if span else None
        if positions is None and version_2 and not _overlaps(window, span):
            positions = NO_ANSWER
        if positions is not None:
            chosen.append(dataclasses.replace(window, positions=positions))
    return chosen


def _overlaps(window: Window, span: tuple[int, int] | None) -> bool:
    if span is None:
        return False
    return span[0] < window.first_piece + window.num_pieces and span[1] >= window.first_piece

"""A row's text as sequences that the model can take, long texts in overlapping windows.

Every wordpiece of a text is *owned* by exactly one of its windows: an overlap is divided in its
middle, so that each wordpiece is taken where it has more context. [CLS] belongs to the first
window and [SEP] to the last. A text of several windows is so pooled as if it was one long
sequence, and a text of one window as everybody pools it.
"""

import dataclasses
import itertools

import numpy as np

from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True)
class Sequence:
    """One input of the model.

    Attributes:
        row: place of its row in the block.
        token_ids: int32 [length], [CLS] and [SEP] included, not padded.
        second_segment: position of the first token with segment id 1; `length` where none.
        owned_start: position of the first token that counts for this sequence.
        owned_end: position after the last one.
    """

    row: int
    token_ids: np.ndarray = dataclasses.field(repr=False)
    second_segment: int
    owned_start: int
    owned_end: int

    def __len__(self) -> int:
        return len(self.token_ids)


def default_stride(max_seq_length: int) -> int:
    """Wordpieces from one window's start to the next: three quarters of a window, at least 1."""
    return max(1, 3 * (max_seq_length - 2) // 4)


def window_starts(count: int, size: int, stride: int) -> list[int]:
    """Where windows begin.

    Args:
        count: wordpieces of the text.
        size: wordpieces a window.
        stride: wordpieces from one start to the next, 1 to `size`.

    Returns:
        Multiples of `stride`; the last is moved back so that its window ends with the text and is
        full (its wordpieces have as much context as others). One start for a text that fits.
    """
    if count <= size:
        return [0]
    last = count - size
    return [*range(0, last, stride), last]


def owned_ranges(starts: list[int], count: int, size: int) -> list[tuple[int, int]]:
    """The wordpieces that each window owns, as (start, end) in the text.

    The ranges follow one another and cover 0 to `count` once: each overlap is cut in its middle, so
    that a wordpiece is taken where the nearer edge is farther away (the first of two equal ones).
    """
    cuts = [(start + previous + size + 1) // 2 for previous, start in itertools.pairwise(starts)]
    return list(zip([0, *cuts], [*cuts, count], strict=True))


def truncate_pair(first: list[int], second: list[int], most: int) -> None:
    """Shortens the longer of two lists by its end, one at a time, until both hold `most` together.

    Source: _truncate_seq_pair of the BERT reference: where both are equal the second gives way.
    """
    while len(first) + len(second) > most:
        (first if len(first) > len(second) else second).pop()


class SequenceMaker:
    """Texts to sequences.

    Args:
        tokenizer: the model's tokenizer.
        max_seq_length: tokens per sequence at most, [CLS] and [SEP] included; at least 4.
        stride: wordpieces from one window's start to the next; None to truncate a long text to
            its first window.
    """

    def __init__(self, tokenizer: BertTokenizer, max_seq_length: int, stride: int | None):
        self._tokenizer = tokenizer
        self._max_seq_length = max_seq_length
        self._stride = stride

    def sequences(self, row: int, text: str, second_text: str | None = None) -> list[Sequence]:
        """The sequences of one row: `[CLS] text [SEP]` a window, or one
        `[CLS] text [SEP] second_text [SEP]`, truncated.

        Args:
            row: kept in the sequences.
            text: any text; an empty one gives `[CLS] [SEP]`.
            second_text: the second segment; None, or one without a wordpiece, for none.
        """
        ids = self._tokenizer.encode(text)
        second_ids = self._tokenizer.encode(second_text) if second_text else []
        if second_ids:
            return [self._pair(row, ids, second_ids)]
        size = self._max_seq_length - 2
        if self._stride is None:
            del ids[size:]
        starts = window_starts(len(ids), size, self._stride or size)
        owned = owned_ranges(starts, len(ids), size)
        last = len(starts) - 1
        return [
            self._window(
                row,
                ids[start : start + size],
                owned_start - start + (number > 0),
                owned_end - start + 1 + (number == last),
            )
            for number, (start, (owned_start, owned_end)) in enumerate(
                zip(starts, owned, strict=True)
            )
        ]

    def _window(self, row: int, ids: list[int], owned_start: int, owned_end: int) -> Sequence:
        tokens = np.array([self._tokenizer.cls_id, *ids, self._tokenizer.sep_id], np.int32)
        return Sequence(row, tokens, len(tokens), owned_start, owned_end)

    def _pair(self, row: int, first: list[int], second: list[int]) -> Sequence:
        truncate_pair(first, second, self._max_seq_length - 3)
        cls, sep = self._tokenizer.cls_id, self._tokenizer.sep_id
        tokens = np.array([cls, *first, sep, *second, sep], np.int32)
        return Sequence(row, tokens, len(first) + 2, 0, len(tokens))

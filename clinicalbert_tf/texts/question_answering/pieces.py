"""A context's wordpieces, each with its place in the text and its word."""

import dataclasses
import re

import numpy as np

from tfrecords_builder.tokenization import BertTokenizer, WordCache

# The reference's reader splits here only: a no-break space, say, is inside a word.
_WORD = re.compile("[^ \t\r\n\u202f]+")


@dataclasses.dataclass(frozen=True)
class ContextPieces:
    """The wordpieces of a context.

    Attributes:
        ids: int32 [pieces].
        starts: int32 [pieces], offset of each piece's first character in the context.
        ends: int32 [pieces], offset after its last one.
        words: int32 [pieces], the word between white space that each piece belongs to, from 0.
    """

    ids: np.ndarray = dataclasses.field(repr=False)
    starts: np.ndarray = dataclasses.field(repr=False)
    ends: np.ndarray = dataclasses.field(repr=False)
    words: np.ndarray = dataclasses.field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)


def split_words(text: str) -> list[tuple[str, int]]:
    """The words between white space (space, tab, CR, LF and U+202F), each with its offset.

    Source: read_squad_examples of the BERT reference's run_squad.py.
    """
    return [(match.group(), match.start()) for match in _WORD.finditer(text)]


class ContextEncoder:
    """Contexts to wordpieces; the last context is remembered, since questions share contexts.

    Args:
        tokenizer: the model's tokenizer.
    """

    def __init__(self, tokenizer: BertTokenizer):
        self._words = WordCache(tokenizer.encode_with_offsets)
        self._last: tuple[str, ContextPieces] | None = None

    def encode(self, context: str) -> ContextPieces:
        """The wordpieces of a context: those of its words, one word after the other."""
        if self._last is None or self._last[0] != context:
            self._last = context, self._encode(context)
        return self._last[1]

    def _encode(self, context: str) -> ContextPieces:
        ids, starts, ends, words = [], [], [], []
        for number, (word, offset) in enumerate(split_words(context)):
            piece_ids, spans = self._words[word]
            ids += piece_ids
            starts += [offset + start for start, _ in spans]
            ends += [offset + end for _, end in spans]
            words += [number] * len(piece_ids)
        return ContextPieces(*(np.array(column, np.int32) for column in (ids, starts, ends, words)))

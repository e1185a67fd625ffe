"""A note's text to chunks that the model can take, each with its place in the text."""

import dataclasses
import hashlib
from collections.abc import Iterator

import numpy as np

from clinicalbert_tf.texts.windows import Sequence
from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True)
class Chunk(Sequence):
    """A piece of a note as one input of the model; it owns all its tokens.

    Attributes:
        start: first character of the piece in the note's text.
        end: the character after its last.
    """

    start: int
    end: int

    def digest(self) -> bytes:
        """16 bytes that chunks of equal wordpieces share."""
        return hashlib.blake2b(self.token_ids.tobytes(), digest_size=16).digest()


def chunk_bounds(begins_word: np.ndarray, size: int, stride: int) -> Iterator[tuple[int, int]]:
    """Where chunks start and end: between two words, unless a word is longer than a chunk.

    Args:
        begins_word: bool array [wordpieces], whether each begins a word.
        size: wordpieces per chunk at most.
        stride: wordpieces from one start to the next at most, 1 to `size`.

    Yields:
        (start, end) in wordpieces; together they cover all.
    """
    count = len(begins_word)

    words = np.flatnonzero(begins_word)

    def words_in(after: int, to: int) -> np.ndarray:
        """Beginnings of words after `after`, `to` included."""
        return words[slice(*np.searchsorted(words, [after, to], side="right"))]

    start = end = 0
    while end < count:
        end = min(start + size, count)
        if end < count and len(found := words_in(start, end)):
            end = int(found[-1])
        yield start, end
        most = min(start + stride, end)
        if len(found := words_in(start, most)):
            start = int(found[-1])
        else:
            later = words_in(most, end)
            start = int(later[0]) if len(later) else most


class ChunkMaker:
    """Cuts texts into overlapping chunks.

    Args:
        tokenizer: the model's tokenizer.
        max_seq_length: tokens per chunk, [CLS] and [SEP] included.
        stride: wordpieces from one chunk's start to the next.
    """

    def __init__(self, tokenizer: BertTokenizer, max_seq_length: int, stride: int):
        self._tokenizer = tokenizer
        self._size = max_seq_length - 2
        self._stride = stride

    def chunks(self, row: int, text: str) -> list[Chunk]:
        """The chunks of one text; none if it has no wordpiece.

        Args:
            row: kept in the chunks.
            text: any text.
        """
        ids, offsets = self._tokenizer.encode_with_offsets(text)
        if not ids:
            return []
        begins_word = self._tokenizer.starts_word[ids]
        return [
            self._chunk(row, ids[start:end], offsets[start:end])
            for start, end in chunk_bounds(begins_word, self._size, self._stride)
        ]

    def _chunk(self, row: int, ids: list[int], offsets: list[tuple[int, int]]) -> Chunk:
        tokens = np.array([self._tokenizer.cls_id, *ids, self._tokenizer.sep_id], np.int32)
        size = len(tokens)
        return Chunk(row, tokens, size, 0, size, offsets[0][0], offsets[-1][1])

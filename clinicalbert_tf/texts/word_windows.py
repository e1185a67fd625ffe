"""Words of any number as windows that the model can take, in bounded memory.

A window is `[CLS] wordpieces [SEP]`. Windows begin every `stride` wordpieces; the last one ends
with the text. An overlap is divided in its middle, and a word belongs to the window that owns its
first wordpiece: the one in which it has most context. These are the windows of texts/windows.py,
made one after the other without knowing how long the text is.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True)
class WordWindow:
    """One input of the model, and the words that it labels.

    Attributes:
        token_ids: int32 [length], [CLS] and [SEP] included, not padded.
        positions: int32 [words], where in token_ids the first wordpiece of each owned word stands.
        first_word: number of the first owned word in its text; the others follow it.
    """

    token_ids: np.ndarray = dataclasses.field(repr=False)
    positions: np.ndarray = dataclasses.field(repr=False)
    first_word: int

    def __len__(self) -> int:
        return len(self.token_ids)


class WordWindows:
    """Words to windows.

    Args:
        tokenizer: the model's tokenizer.
        max_seq_length: tokens of a window at most, [CLS] and [SEP] included; at least 3.
        stride: wordpieces from one window's start to the next, 1 to max_seq_length - 2; None for
            three quarters of a window.

    Raises:
        ValueError: a window has no room, or the windows would not advance or leave gaps.
    """

    def __init__(self, tokenizer: BertTokenizer, max_seq_length: int, stride: int | None = None):
        size = max_seq_length - 2
        if size < 1:
            raise ValueError(
                f"Expected max_seq_length of at least 3 ([CLS], a wordpiece, [SEP]), received "
                f"{max_seq_length}."
            )
        if stride is None:
            stride = max(1, 3 * size // 4)
        if not 1 <= stride <= size:
            raise ValueError(
                f"Expected a stride of 1 to {size} wordpieces (max_seq_length - 2), received "
                f"{stride}."
            )
        self._tokenizer = tokenizer
        self._size, self._stride = size, stride

    def word_ids(self, word: str) -> list[int]:
        """A word's wordpieces; [UNK] for one without any, so that it gets a label all the same."""
        return self._tokenizer.encode(word) or [self._tokenizer.unk_id]

    def windows(self, words: Iterable[str]) -> Iterator[WordWindow]:
        """The windows of a text's words, in order, without those that own no word.

        Together they own every word once. Holds about two windows of wordpieces at a time.
        """
        size, stride = self._size, self._stride
        ids: list[int] = []
        # Places in `ids` of first wordpieces, for words from `next_word` on.
        firsts: list[int] = []
        next_word = 0
        # `ids` begins at the current window; its words begin at this place or later.
        owned_from = 0
        source = iter(words)
        ended = False
        while True:
            # A window can be closed once it is known where the next one begins.
            while not ended and len(ids) <= stride + size:
                word = next(source, None)
                if word is None:
                    ended = True
                    break
                firsts.append(len(ids))
                ids += self.word_ids(word)
            if not ids:
                return
            following = min(stride, len(ids) - size) if ended else stride
            last = ended and len(ids) <= size
            owned_to = len(ids) if last else (following + size + 1) // 2
            owned = [place for place in firsts if owned_from <= place < owned_to]
            if owned:
                yield self._window(ids[:size], owned, next_word)
            next_word += len(owned)
            if last:
                return
            del ids[:following]
            firsts = [place - following for place in firsts[len(owned) :]]
            owned_from = owned_to - following

    def _window(self, ids: list[int], owned: list[int], first_word: int) -> WordWindow:
        tokens = [self._tokenizer.cls_id, *ids, self._tokenizer.sep_id]
        return WordWindow(np.array(tokens, np.int32), np.array(owned, np.int32) + 1, first_word)

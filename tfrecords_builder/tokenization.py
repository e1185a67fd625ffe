"""BERT tokenization: the reference's wordpieces exactly, and fast.

Clinical text repeats its words, so the fast path is a table from a word between blanks to its
wordpiece ids, filled by the exact rules the first time that a word is met. The rules never look
across white space, which makes the table exact for every text. Once warm it is about as fast as
tensorflow_text's FastBertTokenizer, which is not exact beyond ASCII, and ten times as fast as
Hugging Face's (experiments/benchmarks/tokenization.py); worker processes need no TensorFlow.

Source: BERT (Devlin et al. 2018), tokenization.py.
"""

import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tfrecords_builder.text.wordpieces.added_tokens import (
    AddedToken,
    TokenFinder,
    check_added_tokens,
)
from tfrecords_builder.text.wordpieces.basic_tokenizer import BasicTokenizer, Span, split_at_blanks
from tfrecords_builder.text.wordpieces.vocabulary_file import (
    SPECIAL_TOKENS,
    load_vocabulary,
    portable_vocabulary,
    rows_of_vocabulary,
)

# The shared module: the trainer takes what stands here, and none of the builder's rooms.
__all__ = [
    "CLS", "CONTINUATION", "MASK", "MAX_WORD_CHARACTERS", "PAD", "SEP", "SPECIAL_TOKENS", "UNK",
    "AddedToken", "BertTokenizer", "WordCache", "load_vocabulary", "portable_vocabulary",
    "rows_of_vocabulary",
]  # fmt: skip

PAD, UNK, CLS, SEP, MASK = SPECIAL_TOKENS
CONTINUATION = "##"
MAX_WORD_CHARACTERS = 200

# About 200 bytes an entry: 13 MB a table when full. Twice as many were no faster.
CACHED_WORDS = 1 << 16
_LONGEST_CACHED_WORD = 64
_ID_TYPE = "i"


class WordCache(dict):
    """Words between blanks to what `compute` makes of each, computed when first met, bounded."""

    def __init__(self, compute: Callable[[str], Any]):
        super().__init__()
        self._compute = compute

    def __missing__(self, word: str) -> Any:
        value = self._compute(word)
        if len(word) <= _LONGEST_CACHED_WORD:
            # Dropping everything costs little: the frequent words are back within a few notes.
            if len(self) >= CACHED_WORDS:
                self.clear()
            self[word] = value
        return value


def _as_bytes(ids: list[int]) -> bytes:
    return array.array(_ID_TYPE, ids).tobytes()


class BertTokenizer:
    """Text to wordpieces and ids, equal to the reference's FullTokenizer.

    It pickles as its vocabulary (about 200 kB); the tables of words are filled again.

    Args:
        vocab_file: path of the vocabulary.
        do_lower_case: whether to lower-case and to strip accents; must fit the vocabulary.
        added_tokens: tokens that are found in the text before it is split into words; rows of the
            vocabulary. The reference has none.

    Attributes:
        vocab: {wordpiece: id}.
        inverse_vocab: wordpieces by id; "" for a blank line.
        vocab_size: rows of the vocabulary.
        starts_word: bool array [vocab_size], False for wordpieces that continue a word (`##`).
        pad_id, unk_id, cls_id, sep_id, mask_id: ids of the special tokens.

    Raises:
        ValueError: the vocabulary is not a sound one (see load_vocabulary), or lacks an added
            token.

    Source: BERT (Devlin et al. 2018), tokenization.py.
    """

    def __init__(
        self, vocab_file: str, do_lower_case: bool, added_tokens: Sequence[AddedToken] = ()
    ):
        rows = rows_of_vocabulary(load_vocabulary(vocab_file))
        check_added_tokens(added_tokens, rows)
        self._build(vocab_file, do_lower_case, rows, tuple(added_tokens))

    def _build(
        self,
        vocab_file: str,
        do_lower_case: bool,
        rows: list[str],
        added_tokens: tuple[AddedToken, ...],
    ) -> None:
        self.vocab_file = vocab_file
        self.do_lower_case = do_lower_case
        self.inverse_vocab = rows
        self.vocab = {token: row for row, token in enumerate(rows) if token}
        self.vocab_size = len(rows)
        self.starts_word = np.array([not row.startswith(CONTINUATION) for row in rows], bool)
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self.vocab[token] for token in SPECIAL_TOKENS
        )
        self.basic_tokenizer = BasicTokenizer(do_lower_case)
        self.added_tokens = added_tokens
        added_rows = {token.id for token in added_tokens if not token.in_vocabulary}
        self._pieces = {t: row for t, row in self.vocab.items() if row not in added_rows}
        self._continuations = {
            token.removeprefix(CONTINUATION): row
            for token, row in self._pieces.items()
            if token.startswith(CONTINUATION)
        }
        self._as_it_stands = TokenFinder([t for t in added_tokens if not t.normalized])
        self._normalized = TokenFinder([t for t in added_tokens if t.normalized], self._normalize)
        self._longest_piece = max(map(len, rows))
        # Two tables: what stands between blanks ("pain,") is more varied than words ("pain", ",").
        self._tables = WordCache(self._word_bytes), WordCache(self._exact_ids)
        self._word_bytes_of, self._ids_of = (table.__getitem__ for table in self._tables)

    def __getstate__(self) -> tuple[str, bool, str, tuple[AddedToken, ...]]:
        rows = "\n".join(self.inverse_vocab)
        return self.vocab_file, self.do_lower_case, rows, self.added_tokens

    def __setstate__(self, state: tuple[str, bool, str, tuple[AddedToken, ...]]) -> None:
        vocab_file, do_lower_case, rows, added_tokens = state
        self._build(vocab_file, do_lower_case, rows.split("\n"), added_tokens)

    def forget_words(self) -> None:
        """Empties the tables of words; they fill again when they are needed."""
        for table in self._tables:
            table.clear()

    def wordpieces(self) -> dict[str, int]:
        """Returns {wordpiece: id} of what words are split into: rows of added tokens are none."""
        return dict(self._pieces)

    def added_token_texts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Returns {text: id} of the tokens found in texts as they stand, and in normalized ones."""
        return self._as_it_stands.pieces(), self._normalized.pieces()

    def tokenize(self, text: str) -> list[str]:
        """The wordpieces of `text`; an added token in the form in which it was looked for."""
        pieces = {row: piece for piece, row in self._normalized.pieces().items()}
        return [pieces.get(row, self.inverse_vocab[row]) for row in self.encode(text)]

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, equal to `convert_tokens_to_ids(tokenize(text))`."""
        return memoryview(self._encode_bytes(text)).cast(_ID_TYPE).tolist()

    def encode_lines(self, lines: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Encodes many texts at once: the fastest form.

        Args:
            lines: the texts, for example sentences.

        Returns:
            ids: int32 [all wordpieces], the ids of all texts one after the other.
            lengths: int64 [lines], the number of wordpieces of each text.
        """
        encoded = list(map(self._encode_bytes, lines))
        ids = np.frombuffer(b"".join(encoded), np.dtype(_ID_TYPE))
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return ids, lengths // ids.itemsize

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[Span]]:
        """The ids of `text` and where each wordpiece stands in it.

        Args:
            text: any text.

        Returns:
            ids: the same as `encode(text)`.
            offsets: one (start, end) a wordpiece, in characters of the original `text`, also
                where lower-casing or cleaning took characters away: a stripped accent belongs to
                its letter, a removed character inside a wordpiece lies within its span. `[UNK]`
                spans its whole word.
        """
        ids: list[int] = []
        offsets: list[Span] = []
        for start, end, row in self._split_at_added_tokens(text):
            if row is not None:
                ids.append(row)
                offsets.append((start, end))
                continue
            more_ids, more_offsets = self._encode_words_with_offsets(text[start:end])
            ids += more_ids
            offsets += [(start + first, start + last) for first, last in more_offsets]
        return ids, offsets

    def _encode_words_with_offsets(self, text: str) -> tuple[list[int], list[Span]]:
        ids: list[int] = []
        offsets: list[Span] = []
        for word, spans in self.basic_tokenizer.tokenize_with_spans(text):
            begin = 0
            for row in self._word_ids(word):
                length = len(word) if row == self.unk_id else self._piece_length(row)
                starts, ends = zip(*spans[begin : begin + length], strict=True)
                ids.append(row)
                offsets.append((min(starts), max(ends)))
                begin += length
        return ids, offsets

    def convert_tokens_to_ids(self, tokens: Iterable[str]) -> list[int]:
        """The ids of wordpieces.

        Raises:
            ValueError: a wordpiece is not in the vocabulary; names its position, not its text.
        """
        added = self._normalized.pieces()
        ids = [self.vocab.get(token, added.get(token, -1)) for token in tokens]
        if -1 in ids:
            raise ValueError(
                f"Expected wordpieces of {self.vocab_file}, received another string at position "
                f"{ids.index(-1)} of {len(ids)}. Use tokenize() of the same vocabulary."
            )
        return ids

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """The wordpieces of ids.

        Raises:
            ValueError: an id is not a row of the vocabulary.
        """
        ids = list(ids)
        for row in ids:
            if not 0 <= row < self.vocab_size:
                raise ValueError(
                    f"Expected ids from 0 to {self.vocab_size - 1} ({self.vocab_file}), received "
                    f"{row}. Use the vocabulary that the ids were made with."
                )
        return [self.inverse_vocab[row] for row in ids]

    def _encode_bytes(self, text: str) -> bytes:
        if not self.added_tokens:
            return b"".join(map(self._ids_of, split_at_blanks(text)))
        return b"".join(
            self._encode_words(text[start:end]) if row is None else _as_bytes([row])
            for start, end, row in self._split_at_added_tokens(text)
        )

    def _encode_words(self, text: str) -> bytes:
        return b"".join(map(self._ids_of, split_at_blanks(text)))

    def _split_at_added_tokens(self, text: str) -> Iterator[tuple[int, int, int | None]]:
        """(start, end, id) of the parts of `text`; id is None for text between added tokens."""
        for start, end, row in self._as_it_stands.split(text):
            if row is not None or not self._normalized.pieces():
                yield start, end, row
                continue
            # Tokens are found in the normalized text; each part begins where its first character
            # comes from.
            normalized, spans = self._normalize_with_spans(text[start:end])
            for first, last, found in self._normalized.split(normalized):
                begin = 0 if first == 0 else spans[first][0]
                stop = end - start if last == len(spans) else spans[last][0]
                if found is not None:
                    begin, stop = spans[first][0], spans[last - 1][1]
                yield start + begin, start + stop, found

    def _normalize_with_spans(self, text: str) -> tuple[str, list[Span]]:
        chars = self.basic_tokenizer.normalize_with_spans(text)
        chars = [pair for pair in chars if not self.basic_tokenizer.strips(pair[0])]
        return "".join(char for char, _ in chars), [span for _, span in chars]

    def _normalize(self, text: str) -> str:
        return self._normalize_with_spans(text)[0]

    def _exact_ids(self, text: str) -> bytes:
        return b"".join(map(self._word_bytes_of, self.basic_tokenizer.tokenize(text)))

    def _word_bytes(self, word: str) -> bytes:
        return _as_bytes(self._word_ids(word))

    def _word_ids(self, word: str) -> list[int]:
        """Greedy longest match first; `[UNK]` for a word with a part that is in no row."""
        length = len(word)
        if length > MAX_WORD_CHARACTERS:
            return [self.unk_id]
        ids: list[int] = []
        pieces = self._pieces
        start = 0
        while start < length:
            for end in range(min(length, start + self._longest_piece), start, -1):
                row = pieces.get(word[start:end])
                if row is not None:
                    break
            else:
                return [self.unk_id]
            ids.append(row)
            start = end
            pieces = self._continuations
        return ids

    def _piece_length(self, row: int) -> int:
        return len(self.inverse_vocab[row]) - (0 if self.starts_word[row] else len(CONTINUATION))

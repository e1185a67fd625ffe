"""Cuts a long text into overlapping chunks that a model takes whole, at the edges of words."""

import itertools

from tfrecords_builder.tokenization import BertTokenizer

# Between the chunks of one document that were cut before; words hold no form feed.
CHUNK_BREAK = "\f"


def chunk_spans(counts: list[int], size: int, stride: int) -> list[tuple[int, int]]:
    """Where chunks begin and end, in words.

    Args:
        counts: wordpieces of each word, at least 1.
        size: wordpieces per chunk at most; a longer word is a chunk of its own.
        stride: wordpieces from one chunk's start to the next, 1 to `size`; it may be fewer, so that
            chunks begin with a word and none is left out.

    Returns:
        (first word, word after the last) of each chunk. The last chunk begins as early as fits, so
        that it is full: its words have as much context as others.
    """
    places = [0, *itertools.accumulate(counts)]
    words, spans, start = len(counts), [], 0
    while start < words:
        end = _end(places, start, size)
        if end >= words:
            if spans:
                start = _earliest(places, words, size, after=spans[-1][0])
            spans.append((start, words))
            break
        if spans and end <= spans[-1][1]:
            # A long word follows: this chunk would be a piece of the one before.
            start += 1
            continue
        spans.append((start, end))
        following = start + 1
        while following < end and places[following] - places[start] < stride:
            following += 1
        # A word that begins behind the stride's end would shorten the overlap, not lengthen it.
        if places[following] - places[start] > stride and following > start + 1:
            following -= 1
        start = following
    return spans


def _end(places: list[int], start: int, size: int) -> int:
    end = start + 1
    while end < len(places) - 1 and places[end + 1] - places[start] <= size:
        end += 1
    return end


def _earliest(places: list[int], words: int, size: int, after: int) -> int:
    start = words - 1
    while start - 1 > after and places[words] - places[start - 1] <= size:
        start -= 1
    return start


class WordChunker:
    """Texts to chunks of text.

    Args:
        tokenizer: the model's tokenizer.
        max_seq_length: tokens per chunk at most, [CLS] and [SEP] included.
        stride: wordpieces from one chunk's start to the next.
    """

    def __init__(self, tokenizer: BertTokenizer, max_seq_length: int, stride: int):
        self._tokenizer = tokenizer
        self._size = max_seq_length - 2
        self._stride = stride

    def chunks(self, text: str) -> list[str]:
        """The chunks of a text: pieces of it between spaces; none if it has no wordpiece."""
        words = text.split()
        _, lengths = self._tokenizer.encode_lines(words)
        counted = [(word, int(n)) for word, n in zip(words, lengths, strict=True) if n]
        spans = chunk_spans([count for _, count in counted], self._size, self._stride)
        return [" ".join(word for word, _ in counted[start:end]) for start, end in spans]

"""Counts the words of a corpus of notes in bounded memory."""

import collections
import dataclasses
from collections.abc import Iterable

from absl import logging

from tfrecords_builder.text.wordpieces.basic_tokenizer import BasicTokenizer, split_at_blanks
from tfrecords_builder.tokenization import MAX_WORD_CHARACTERS, WordCache

# About 300 MB of words and counts.
DEFAULT_MAX_WORDS = 2_000_000
DEFAULT_MIN_COUNT = 5


@dataclasses.dataclass
class WordCounts:
    """How often words occur in a corpus.

    Attributes:
        occurrences: {word: times in all notes}.
        notes: {word: notes that hold it}.
        notes_read: notes counted.
        dropped_below: words found in at most this many notes were once dropped to bound memory.
    """

    occurrences: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    notes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    notes_read: int = 0
    dropped_below: int = 0

    def frequent_words(self, min_count: int) -> list[str]:
        """The words, sorted, that at least `min_count` notes hold and a vocabulary can hold.

        Raises:
            ValueError: there is none.
        """
        words = sorted(
            word
            for word, notes in self.notes.items()
            if notes >= min_count and len(word) <= MAX_WORD_CHARACTERS and word.isprintable()
        )
        if not words:
            raise ValueError(
                f"Expected words that are in at least {min_count} notes each, received "
                f"{self.notes_read} notes without such a word. Give more notes (a blank line "
                "separates the notes of a sentence file) or lower min_count."
            )
        return words

    def common_characters(self, min_count: int) -> set[str]:
        """The characters that words of `min_count` notes in sum hold, also those of rare words.

        They reveal no word, and without them every word that holds one would be `[UNK]`. Chinese
        has thousands of them, and Korean; none is left out.
        """
        found: collections.Counter = collections.Counter()
        for word, notes in self.notes.items():
            for character in set(word):
                found[character] += notes
        return {c for c, notes in found.items() if notes >= min_count and c.isprintable()}

    def drop_rare_words(self, max_words: int) -> None:
        """Drops the words of the fewest notes until at most three quarters of `max_words` stay."""
        while len(self.notes) > max_words * 3 // 4:
            self.dropped_below += 1
            rare = [word for word, notes in self.notes.items() if notes <= self.dropped_below]
            for word in rare:
                del self.notes[word], self.occurrences[word]


def count_words(
    texts: Iterable[str], do_lower_case: bool, max_words: int = DEFAULT_MAX_WORDS
) -> WordCounts:
    """Counts the words of notes, streamed.

    Args:
        texts: notes, one string each.
        do_lower_case: whether to lower-case and strip accents, as the tokenizer will.
        max_words: different words kept at a time. Above it the words of the fewest notes are
            dropped, so that later counts of rare words may be too low.

    Returns:
        The counts.
    """
    words_of = WordCache(BasicTokenizer(do_lower_case).tokenize)
    counts = WordCounts()
    for text in texts:
        counts.notes_read += 1
        in_note: collections.Counter = collections.Counter()
        for part, times in collections.Counter(split_at_blanks(text)).items():
            for word in words_of[part]:
                in_note[word] += times
        counts.occurrences.update(in_note)
        counts.notes.update(in_note.keys())
        if len(counts.notes) > max_words:
            counts.drop_rare_words(max_words)
    if counts.dropped_below:
        logging.warning(
            "More than %d different words: those found in up to %d notes were dropped on the way.",
            max_words,
            counts.dropped_below,
        )
    return counts

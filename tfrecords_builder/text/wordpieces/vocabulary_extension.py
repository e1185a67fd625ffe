"""Fills the free rows of an existing vocabulary with words of a corpus; no id moves."""

import re
from collections.abc import Iterable

from absl import logging

from tfrecords_builder.text.wordpieces.word_counts import (
    DEFAULT_MAX_WORDS,
    DEFAULT_MIN_COUNT,
    count_words,
)
from tfrecords_builder.tokenization import BertTokenizer
from tfrecords_builder.vocabulary_rules import choose_casing

_UNUSED_ROW = re.compile(r"\[unused\d+\]")


def extend_vocabulary(
    vocab_file: str,
    texts: Iterable[str],
    add: int | None = None,
    do_lower_case: bool | None = None,
    min_count: int = DEFAULT_MIN_COUNT,
    max_words: int = DEFAULT_MAX_WORDS,
) -> list[str]:
    """Puts the corpus' most useful whole words into the [unused] rows of a vocabulary.

    All other rows keep their ids and the size stays, so that a released checkpoint still fits.
    A word's use is its frequency times the wordpieces it saves; an `[UNK]` counts as one
    wordpiece a character and one more.

    Args:
        vocab_file: the vocabulary to extend.
        texts: notes, one string each; read once.
        add: words to add at most; None fills every [unused] row.
        do_lower_case: whether the vocabulary is uncased; None looks at the vocabulary.
        min_count: notes that must hold a word before it can be added.
        max_words: different words counted at a time, the bound of the memory used.

    Returns:
        The rows; fewer words are added where rows or useful words run out.

    Raises:
        ValueError: no [unused] row, `do_lower_case` unlike the vocabulary or undecidable, or no
            word in enough notes.
    """
    tokenizer = BertTokenizer(vocab_file, lower_case_of(vocab_file, do_lower_case))
    rows = list(tokenizer.inverse_vocab)
    free = [row for row, token in enumerate(rows) if _UNUSED_ROW.fullmatch(token)]
    if not free:
        raise ValueError(
            f"{vocab_file}: expected [unused] rows to fill, received none. Words cannot be added "
            "without moving ids; learn a new vocabulary instead."
        )
    counts = count_words(texts, tokenizer.do_lower_case, max_words)
    use = {}
    for word in counts.frequent_words(min_count):
        ids = tokenizer.encode(word)
        saved = len(word) if ids == [tokenizer.unk_id] else len(ids) - 1
        if saved and (ids == [tokenizer.unk_id] or any(map(str.isalpha, word))):
            use[word] = saved * counts.occurrences[word]
    ranked = sorted(use, key=lambda word: (-use[word], word))
    wanted = len(free) if add is None else add
    added = min(wanted, len(free), len(ranked))
    if added < wanted:
        logging.warning(
            "%d words added of %d asked for: %s has %d [unused] rows, the notes %d useful words.",
            *(added, wanted, vocab_file, len(free), len(ranked)),
        )
    for row, word in zip(free[:added], ranked[:added], strict=True):
        rows[row] = word
    return rows


def lower_case_of(vocab_file: str, do_lower_case: bool | None) -> bool:
    """`do_lower_case` for a vocabulary: as given, or as the vocabulary shows.

    Raises:
        ValueError: it is not given and the vocabulary does not tell.
    """
    casing = choose_casing(vocab_file, do_lower_case)
    if casing.warning:
        logging.warning("%s", casing.warning)
    return casing.do_lower_case

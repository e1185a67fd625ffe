"""A WordPiece vocabulary learned from counted words."""

from collections.abc import Iterable, Iterator, Mapping

from absl import logging

from tfrecords_builder.text.wordpieces.word_counts import (
    DEFAULT_MAX_WORDS,
    DEFAULT_MIN_COUNT,
    count_words,
)
from tfrecords_builder.tokenization import CONTINUATION, SPECIAL_TOKENS

# The trainer takes text, not counts; larger counts are scaled down to this many words in all.
TRAINED_OCCURRENCES = 20_000_000
OCCURRENCES_A_LINE = 10_000


def learn_vocabulary(
    texts: Iterable[str],
    size: int,
    do_lower_case: bool,
    min_count: int = DEFAULT_MIN_COUNT,
    max_words: int = DEFAULT_MAX_WORDS,
) -> list[str]:
    """Learns a WordPiece vocabulary; the same texts give the same vocabulary.

    Args:
        texts: notes, one string each; read once.
        size: rows wanted. Fewer come back if the notes have no more to give.
        do_lower_case: True for an uncased vocabulary.
        min_count: notes that must hold a word (or character) before anything is learned from it.
        max_words: different words counted at a time, the bound of the memory used.

    Returns:
        `[PAD] [UNK] [CLS] [SEP] [MASK]`, then single characters, then pieces by frequency.

    Raises:
        ValueError: no word is in enough notes, or `size` is too small for the characters alone.
    """
    counts = count_words(texts, do_lower_case, max_words)
    words = counts.frequent_words(min_count)
    characters = counts.common_characters(min_count)
    words = [word for word in words if characters.issuperset(word)]
    reserved = [*SPECIAL_TOKENS, *sorted(characters)]
    # Signs and ideographs stand alone: only characters of longer words can continue one.
    inside = {character for word in counts.notes if len(word) > 1 for character in word}
    reserved += [CONTINUATION + character for character in sorted(inside & characters)]
    if size < len(reserved):
        raise ValueError(
            f"Expected a size of at least {len(reserved)} rows (special tokens and the "
            f"{len(characters)} single characters that {min_count} notes hold, alone and within "
            f"words), received {size}. Raise --size to that, or raise --min_count."
        )
    rows = _train(words, counts.occurrences, size, reserved)
    if len(rows) < size:
        logging.warning(
            "The notes give %d wordpieces, fewer than the %d asked for. Give more notes for more.",
            len(rows),
            size,
        )
    return rows


def _train(
    words: list[str], occurrences: Mapping[str, int], size: int, reserved: list[str]
) -> list[str]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # The trainer numbers "##" characters in the order of a hash map and breaks ties by number,
    # which makes it differ from run to run; naming them beforehand fixes their numbers.
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=reserved,
        continuing_subword_prefix=CONTINUATION,
        show_progress=False,
    )
    trained.train_from_iterator(repeat_words(words, occurrences), trainer)
    ids = trained.get_vocab()
    return sorted(ids, key=ids.__getitem__)


def repeat_words(words: list[str], occurrences: Mapping[str, int]) -> Iterator[str]:
    """Lines in which each word stands as often as it occurs, all scaled down if they are many."""
    total = sum(occurrences[word] for word in words)
    scale = max(1.0, total / TRAINED_OCCURRENCES)
    for word in words:
        left = max(1, round(occurrences[word] / scale))
        while left > 0:
            yield " ".join([word] * min(left, OCCURRENCES_A_LINE))
            left -= OCCURRENCES_A_LINE

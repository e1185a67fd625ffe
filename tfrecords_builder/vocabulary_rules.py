"""The rules of vocabularies, the same for builder and trainer: rows, casing, fit with a model."""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from tfrecords_builder.tokenization import CONTINUATION, load_vocabulary

# Rows that stand for something and are no words: [CLS], [unused7], <S>, @GENE$, __NAME__.
_PLACEHOLDER = re.compile(r"[\W_].*[\W_]", re.DOTALL)
# Fewer lower-case words than this say nothing about a vocabulary's casing.
_ENOUGH_LOWER_CASE_WORDS = 5
# Of the words of the released cased vocabularies, 20 to 40% have an upper-case letter; of those
# of the uncased ones, none. A few rows that somebody added make no vocabulary cased.
_CASED_SHARE = 0.05
_UNCASED_SHARE = 0.01
# Some trainers round the rows of the embedding up for speed: to a multiple of 8, 64 or 128.
_ROUNDED_TO = 8
_MOST_PADDING = 128


@dataclasses.dataclass(frozen=True)
class Casing:
    """How a vocabulary's text is cased.

    Attributes:
        do_lower_case: whether text is lower-cased and stripped of accents.
        warning: one sentence if that contradicts the vocabulary or its model, otherwise None.
    """

    do_lower_case: bool
    warning: str | None = None


def number_of_rows(vocab: Mapping[str, int]) -> int:
    """Returns the rows of a vocabulary; a blank line between others is a row without wordpiece.

    Args:
        vocab: {wordpiece: id}, as load_vocabulary returns it.
    """
    return max(vocab.values()) + 1


def spare_rows(rows: int, vocab_size: int) -> int | None:
    """Returns the rows of an embedding beyond its vocabulary.

    Args:
        rows: rows of the vocabulary.
        vocab_size: rows of the model's token embedding.

    Returns:
        0, or the padding of an embedding whose rows were rounded up; None if vocabulary and
        embedding do not belong together.
    """
    spare = vocab_size - rows
    rounded = vocab_size % _ROUNDED_TO == 0 and 0 < spare < _MOST_PADDING
    return spare if spare == 0 or rounded else None


def check_rows(vocab_file: str, vocab_size: int, model: str) -> int:
    """Compares a vocabulary's rows with those of a model's token embedding.

    Args:
        vocab_file: the vocabulary.
        vocab_size: rows of the token embedding.
        model: what to call the model in an error.

    Returns:
        The number of embedding rows beyond the vocabulary; see spare_rows.

    Raises:
        ValueError: the vocabulary is not a sound one, or belongs to another model.
    """
    rows = number_of_rows(load_vocabulary(vocab_file))
    spare = spare_rows(rows, vocab_size)
    if spare is None:
        raise ValueError(
            f"{vocab_file} has {rows} rows, but the token embedding of {model} has "
            f"{vocab_size}. Use the vocabulary that was released with this model."
        )
    return spare


def vocabulary_is_cased(vocab: Iterable[str]) -> bool | None:
    """Tells whether a vocabulary was made for cased text, from all of its words.

    Args:
        vocab: the wordpieces. Continuations (##) and placeholders ([CLS], <S>, @GENE$) do not
            count.

    Returns:
        True if at least 5% of the words have an upper-case letter, False if at most 1% have and
        at least 5 have lower-case letters, None if that cannot be told.
    """
    upper, lower = _cased_words(vocab)
    if upper and upper >= _CASED_SHARE * (upper + lower):
        return True
    if lower >= _ENOUGH_LOWER_CASE_WORDS and upper <= _UNCASED_SHARE * (upper + lower):
        return False
    return None


def choose_casing(
    vocab_file: str,
    asked: bool | None = None,
    said: bool | None = None,
    model: str | None = None,
) -> Casing:
    """Decides whether text is lower-cased: a flag, what the model's files say, its vocabulary.

    A flag always wins, with a warning if it contradicts the others.

    Args:
        vocab_file: the vocabulary.
        asked: the user's flag do_lower_case; None if it was not given.
        said: what the model's own files say; None if they say nothing.
        model: what to call the model in messages; None for the vocabulary's own path.

    Returns:
        The casing, with a warning to show.

    Raises:
        ValueError: no flag was given, and files and vocabulary contradict each other or nothing
            tells; or the vocabulary is not a sound one.
    """
    vocab = load_vocabulary(vocab_file)
    cased = vocabulary_is_cased(vocab)
    model = model or vocab_file
    opinions = {
        "its own files say": said,
        "its vocabulary shows": None if cased is None else not cased,
    }
    opinions = {who: opinion for who, opinion in opinions.items() if opinion is not None}
    listed = ", ".join(f"{who} do_lower_case={opinion}" for who, opinion in opinions.items())
    if asked is not None:
        contradicted = any(opinion != asked for opinion in opinions.values())
        return Casing(asked, _warning(model, listed, asked) if contradicted else None)
    if len(set(opinions.values())) > 1:
        raise ValueError(
            f"{model}: expected one casing, received two: {listed}. Say which with "
            "do_lower_case; the vocabulary is nearly always right."
        )
    if not opinions:
        raise ValueError(
            f"{model}: expected a vocabulary that shows its casing, received {_doubt(vocab)} in "
            f"{vocab_file}. Say do_lower_case=True or do_lower_case=False."
        )
    return Casing(next(iter(opinions.values())))


def _warning(model: str, listed: str, asked: bool) -> str:
    harm = (
        "wordpieces with upper-case letters are never used"
        if asked
        else "words with upper-case letters become [UNK] if the vocabulary has none"
    )
    return (
        f"{model}: {listed}, but do_lower_case={asked} was given and is used: {harm}. Drop "
        "do_lower_case unless you are sure."
    )


def _doubt(vocab: Iterable[str]) -> str:
    upper, lower = _cased_words(vocab)
    if upper:
        return f"{upper} words with upper-case letters among {upper + lower}, too few to tell,"
    return f"too few words to tell ({lower})"


def _cased_words(vocab: Iterable[str]) -> tuple[int, int]:
    """How many words have an upper-case letter, and how many only lower-case ones."""
    upper = lower = 0
    for token in vocab:
        if token.startswith(CONTINUATION) or _PLACEHOLDER.fullmatch(token):
            continue
        upper += token != token.lower()
        lower += token == token.lower() != token.upper()
    return upper, lower

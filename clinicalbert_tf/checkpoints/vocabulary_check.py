"""Vocabulary and casing of a source: whether they fit its weights, its settings and a flag."""

from clinicalbert_tf.checkpoints.source import CheckpointSource
from tfrecords_builder.tokenization import load_vocabulary, vocabulary_is_cased

# Some trainers round the rows of the embedding up for speed: to a multiple of 8, 64 or 128.
_ROUNDED_TO = 8
_MOST_PADDING = 128


def check_vocabulary(source: CheckpointSource) -> int:
    """Compares the vocabulary's rows with the token embedding's.

    Args:
        source: a source with a vocabulary.

    Returns:
        The number of embedding rows beyond the vocabulary: 0, or the padding of an embedding
        whose rows were rounded up.

    Raises:
        FileNotFoundError: the source has no vocabulary.
        ValueError: the vocabulary is not a sound one, or belongs to another model.
    """
    rows = max(_vocabulary(source).values()) + 1
    spare = source.config.vocab_size - rows
    rounded = source.config.vocab_size % _ROUNDED_TO == 0 and 0 < spare < _MOST_PADDING
    if spare and not rounded:
        raise ValueError(
            f"{source.vocab_file} has {rows} rows, but the token embedding of {source.path} has "
            f"{source.config.vocab_size}. Use the vocabulary that was released with this model."
        )
    return spare


def resolve_casing(source: CheckpointSource, do_lower_case: bool | None = None) -> bool:
    """Whether the source's text is lower-cased: what it says, what its vocabulary shows, a flag.

    Args:
        source: a source with a vocabulary.
        do_lower_case: the user's flag; None for none.

    Returns:
        do_lower_case for the tokenizer.

    Raises:
        FileNotFoundError: the source has no vocabulary.
        ValueError: the three contradict each other, or nothing tells.
    """
    cased = vocabulary_is_cased(_vocabulary(source))
    opinions = {
        "its own files say": source.do_lower_case,
        "its vocabulary shows": None if cased is None else not cased,
    }
    opinions = {who: opinion for who, opinion in opinions.items() if opinion is not None}
    if do_lower_case is not None:
        if opinions and do_lower_case not in opinions.values():
            raise ValueError(
                f"{source.path}: {_listed(opinions)}, but do_lower_case={do_lower_case} was given. "
                "Leave do_lower_case out: a wrong casing loses accuracy silently."
            )
        return do_lower_case
    if len(set(opinions.values())) > 1:
        raise ValueError(
            f"{source.path}: expected one casing, received two: {_listed(opinions)}. Say which "
            "with do_lower_case; the vocabulary is nearly always right."
        )
    if not opinions:
        raise ValueError(
            f"{source.path}: expected a vocabulary that shows its casing, received too few words "
            "to tell. Say do_lower_case=True or do_lower_case=False."
        )
    return next(iter(opinions.values()))


def _listed(opinions: dict[str, bool]) -> str:
    return ", ".join(f"{who} do_lower_case={opinion}" for who, opinion in opinions.items())


def _vocabulary(source: CheckpointSource) -> dict[str, int]:
    if source.vocab_file is None:
        raise FileNotFoundError(
            f"Expected a vocabulary (vocab.txt) with the model {source.path}, found none. Copy "
            "the vocab.txt that was released with it into its folder."
        )
    return load_vocabulary(source.vocab_file)

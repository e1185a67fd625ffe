"""What a user should look at before training on records that were built without an error."""

# Of the tokens; a vocabulary that fits the notes leaves below 1%.
MOST_UNKNOWN = 0.05
# Of the instances; half of them is what the next sentence task is about.
MOST_RANDOM_NEXT = 0.9


def unknown_tokens(unknown: int, tokens: int) -> list[str]:
    """Returns a warning if too many tokens are [UNK].

    Args:
        unknown: how many are.
        tokens: how many there are.
    """
    share = unknown / max(1, tokens)
    if share <= MOST_UNKNOWN:
        return []
    return [
        f"{100 * share:.0f}% of the tokens are [UNK]: the vocabulary does not fit the notes, by "
        "its language or casing (--vocab_file, --do_lower_case). A model learns nothing from them."
    ]


def random_next(random: int, instances: int) -> list[str]:
    """Returns a warning if nearly all second segments come from another document.

    Args:
        random: instances with a random second segment.
        instances: how many there are.
    """
    share = random / max(1, instances)
    if share <= MOST_RANDOM_NEXT:
        return []
    return [
        f"{100 * share:.0f}% of the next sentences are random, because documents have too few "
        "sentences: the next sentence task teaches nothing. Pretrain with --objective=mlm, or "
        "check how the notes are cut (in a sentence file an empty line separates documents)."
    ]

"""What a user should look at before training on records that were built without an error."""

import json
import os

from tfrecords_builder.tokenization import SPECIAL_TOKENS

# Of the tokens; a vocabulary that fits the notes leaves below 1%.
MOST_UNKNOWN = 0.05
# Of the instances; half of them is what the next sentence task is about.
MOST_RANDOM_NEXT = 0.9
# Added tokens that a warning names.
_NAMED = 10


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


def added_tokens(vocab_file: str) -> list[str]:
    """Returns a warning if the files beside a vocabulary add tokens to it.

    A text that holds one is split by the vocabulary here, as the reference does, and not by the
    tokens as transformers and the trainer's tasks do.

    Args:
        vocab_file: vocab.txt of a model.
    """
    folder = os.path.dirname(os.path.abspath(vocab_file))
    found: dict[str, None] = dict.fromkeys(_read_object(os.path.join(folder, "added_tokens.json")))
    entries = _read_object(os.path.join(folder, "tokenizer.json")).get("added_tokens") or []
    decoder = _read_object(os.path.join(folder, "tokenizer_config.json"))
    entries = [*entries, *(decoder.get("added_tokens_decoder") or {}).values()]
    found |= dict.fromkeys(entry["content"] for entry in entries if "content" in entry)
    names = [name for name in found if name not in SPECIAL_TOKENS]
    if not names:
        return []
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return [
        f"{folder} adds {len(names)} tokens to {os.path.basename(vocab_file)} ({shown}): records "
        "are built without them, so a text that holds one is split into wordpieces."
    ]


def _read_object(path: str) -> dict:
    try:
        with open(path, encoding="utf-8-sig") as file:
            values = json.load(file)
    except (OSError, ValueError):
        # Files of other programs; only a hint is lost.
        return {}
    return values if isinstance(values, dict) else {}


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

"""Tokens that users of transformers added to a vocabulary."""

import os
from collections.abc import Mapping
from typing import Any

from clinicalbert_tf.checkpoints.text_files import read_json
from tfrecords_builder.tokenization import SPECIAL_TOKENS, AddedToken

FILE_NAME = "added_tokens.json"
# Ours, in tokenizer_config.json: rows of vocab.txt that are added tokens and no wordpieces.
ADDED_ROWS_KEY = "rows_of_added_tokens_alone"
_SPECIALS_NAME = "special_tokens_map.json"
# Names of the list of further special tokens in old and new files.
_SPECIALS_KEYS = ("additional_special_tokens", "extra_special_tokens")


def find_added_tokens(
    folder: str,
    vocab: Mapping[str, int],
    tokenizer: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[AddedToken, ...]:
    """Reads the added tokens of a Hugging Face folder, as transformers would find them.

    tokenizer.json says most and counts first, then added_tokens_decoder of tokenizer_config.json,
    then added_tokens.json with the special tokens of special_tokens_map.json. The five tokens of
    BERT itself are not among them: in a note, "[SEP]" is five signs and letters, as in the
    reference.

    Args:
        folder: the model's folder.
        vocab: {wordpiece: id} of the vocabulary without added tokens.
        tokenizer: contents of tokenizer.json, {} without one.
        settings: contents of tokenizer_config.json, {} without one.

    Returns:
        The tokens in id order.

    Raises:
        ValueError: a token has no id, another one than in the vocabulary, or cannot be a row.
    """
    entries = _entries(folder, vocab, tokenizer, settings)
    alone = settings.get(ADDED_ROWS_KEY) or []
    tokens = {}
    for content, entry in entries.items():
        if content in SPECIAL_TOKENS:
            continue
        _check(folder, content, entry.get("id"), vocab)
        tokens[entry["id"]] = AddedToken(
            content,
            entry["id"],
            normalized=bool(entry.get("normalized", not entry.get("special", False))),
            single_word=bool(entry.get("single_word", False)),
            in_vocabulary=content in vocab and entry["id"] not in alone,
        )
    return tuple(tokens[row] for row in sorted(tokens))


def added_tokens_decoder(tokens) -> dict[str, dict[str, Any]]:
    """Returns added tokens as tokenizer_config.json has them under added_tokens_decoder."""
    return {
        str(token.id): {
            "content": token.content,
            "lstrip": False,
            "rstrip": False,
            "normalized": token.normalized,
            "single_word": token.single_word,
            "special": not token.normalized,
        }
        for token in tokens
    }


def tokens_without_graph(added_tokens) -> tuple[AddedToken, ...]:
    """Returns the added tokens that a TensorFlow graph cannot find.

    RE2, the regular expressions of TensorFlow, cannot look at the characters around a match.
    """
    return tuple(token for token in added_tokens if token.single_word)


def _entries(folder, vocab, tokenizer, settings) -> dict[str, dict[str, Any]]:
    """{content: entry as in tokenizer.json}."""
    if tokenizer:
        return {entry["content"]: entry for entry in tokenizer.get("added_tokens") or []}
    decoder = settings.get("added_tokens_decoder")
    if isinstance(decoder, dict) and decoder:
        return {entry["content"]: {**entry, "id": int(row)} for row, entry in decoder.items()}
    entries = {}
    path = os.path.join(folder, FILE_NAME)
    if os.path.isfile(path):
        entries = {content: {"id": row} for content, row in read_json(path).items()}
    for content in _special_tokens(folder, settings):
        # One in both files keeps what added_tokens.json makes it, as in transformers 5.
        if content not in entries and content in vocab:
            entries[content] = {"id": vocab[content], "special": True}
    return entries


def _special_tokens(folder: str, settings: Mapping[str, Any]) -> list[str]:
    path = os.path.join(folder, _SPECIALS_NAME)
    sources = [settings, read_json(path) if os.path.isfile(path) else {}]
    listed = [
        token for values in sources for key in _SPECIALS_KEYS for token in values.get(key) or []
    ]
    return [token["content"] if isinstance(token, dict) else token for token in listed]


def _check(folder: str, content: str, row: Any, vocab: Mapping[str, int]) -> None:
    if type(row) is not int or vocab.get(content, row) != row:
        raise ValueError(
            f"{folder}: expected the added token {content!r} with its one row, received "
            f"{row!r} and {vocab.get(content)!r}. Save the tokenizer again."
        )
    if not content.strip() or content != content.strip() or "\n" in content:
        raise ValueError(
            f"{folder}: expected added tokens of one line without white space around them, "
            f"received {content!r} in row {row}. A vocabulary of one token a line cannot hold it: "
            "save the tokenizer without it."
        )

"""The vocabulary and the casing of a Hugging Face folder."""

import dataclasses
import hashlib
import os
from typing import Any

from clinicalbert_tf.checkpoints.downloads.archives import cache_folder
from clinicalbert_tf.checkpoints.model_files import find_vocab_file
from clinicalbert_tf.checkpoints.readers.huggingface_added_tokens import (
    FILE_NAME,
    find_added_tokens,
)
from clinicalbert_tf.checkpoints.text_files import read_json
from tfrecords_builder.files import write_private
from tfrecords_builder.tokenization import AddedToken, load_vocabulary, rows_of_vocabulary

VOCABULARY_NAME = "vocab.txt"
TOKENIZER_NAME = "tokenizer.json"
TOKENIZER_CONFIG_NAME = "tokenizer_config.json"
# Files beside a vocabulary that say how it is used, whatever format the weights have.
TOKENIZER_FILES = (TOKENIZER_CONFIG_NAME, FILE_NAME)
_CACHED = "vocabularies"


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """What a folder says of its tokenizer.

    Attributes:
        vocab_file: vocab.txt in id order, added tokens included; None if the folder has no
            vocabulary.
        do_lower_case: None if the folder does not say.
        added_tokens: tokens that are found in the text before it is split.
        remarks: settings that tokenize otherwise than the reference, one sentence each.
    """

    vocab_file: str | None
    do_lower_case: bool | None
    added_tokens: tuple[AddedToken, ...]
    remarks: tuple[str, ...]


def find_vocabulary(
    folder: str, cache_dir: str | os.PathLike | None = None, vocab_file: str | None = None
) -> Vocabulary:
    """Reads vocab.txt, tokenizer.json and tokenizer_config.json, whichever are there.

    A do_lower_case that is written down in tokenizer_config.json goes before the normalizer of
    tokenizer.json, as in transformers. Where neither says anything, transformers lower-cases
    whatever the vocabulary; here the casing stays open and the vocabulary decides.

    Args:
        folder: the model's folder.
        cache_dir: where a vocabulary taken from tokenizer.json is written.
        vocab_file: the vocabulary, if it is not the folder's own.

    Raises:
        ValueError: tokenizer.json is damaged, is no WordPiece tokenizer, or its ids have gaps.
    """
    settings = _read_optional(os.path.join(folder, TOKENIZER_CONFIG_NAME))
    tokenizer = _read_optional(os.path.join(folder, TOKENIZER_NAME))
    vocab_file, added_tokens = _find_tokens(folder, tokenizer, settings, cache_dir, vocab_file)
    normalizer = _bert_normalizer(tokenizer.get("normalizer"))
    casing = _first_bool(settings.get("do_lower_case"), normalizer.get("lowercase"))
    remarks = _remarks(settings, normalizer, casing)
    return Vocabulary(vocab_file, casing, added_tokens, remarks)


def _find_tokens(folder, tokenizer, settings, cache_dir, vocab_file):
    """The vocabulary's file with all rows, and the added tokens."""
    vocab_file = vocab_file or find_vocab_file(folder)
    if vocab_file is None and not tokenizer:
        return None, ()
    if vocab_file is not None:
        vocab = load_vocabulary(vocab_file)
        added_tokens = find_added_tokens(folder, vocab, tokenizer, settings)
        if all(token.content in vocab for token in added_tokens):
            return vocab_file, added_tokens
        rows = rows_of_vocabulary(vocab)
        return _write_to_cache(_with_added(folder, rows, added_tokens), cache_dir), added_tokens
    path = os.path.join(folder, TOKENIZER_NAME)
    rows = vocabulary_of(tokenizer, path)
    base = tokenizer["model"]["vocab"]
    added_tokens = find_added_tokens(folder, base, tokenizer, settings)
    return _write_to_cache(rows, cache_dir), added_tokens


def _with_added(folder: str, rows: list[str], added_tokens) -> list[str]:
    rows = list(rows)
    for token in added_tokens:
        if token.content in rows:
            continue
        if token.id != len(rows):
            raise ValueError(
                f"{folder}: expected the added token {token.content!r} in row {len(rows)}, behind "
                f"the {len(rows)} rows before it, received row {token.id}. Give the files of one "
                "model."
            )
        rows.append(token.content)
    return rows


def vocabulary_of(tokenizer: dict[str, Any], path: str) -> list[str]:
    """The wordpieces of a tokenizer.json in id order, added tokens included.

    Raises:
        ValueError: another kind of tokenizer, or ids that are not 0, 1, 2, ... without gaps.
    """
    model = tokenizer.get("model") if isinstance(tokenizer.get("model"), dict) else {}
    # Files of old versions leave the type out; only WordPiece has this prefix.
    kind = model.get("type") or ("WordPiece" if "continuing_subword_prefix" in model else None)
    prefix = model.get("continuing_subword_prefix", "##")
    if kind != "WordPiece" or prefix != "##" or not isinstance(model.get("vocab"), dict):
        raise ValueError(
            f"{path}: expected a WordPiece tokenizer whose pieces continue with '##', received "
            f"{kind or 'another kind'} with {prefix!r}. Only BERT's tokenization can be read."
        )
    ids = dict(model["vocab"])
    for token in tokenizer.get("added_tokens") or []:
        ids.setdefault(token["content"], token["id"])
    rows = {row: token for token, row in ids.items()}
    if sorted(rows) != list(range(len(ids))):
        raise ValueError(
            f"{path}: expected {len(ids)} tokens with the ids 0 to {len(ids) - 1}, received gaps "
            "or repeated ids. Give the vocab.txt of the model."
        )
    if any("\n" in token for token in ids):
        raise ValueError(
            f"{path}: expected wordpieces of one line, received one with a line break. Give the "
            "vocab.txt of the model."
        )
    return [rows[row] for row in range(len(rows))]


def _write_to_cache(tokens: list[str], cache_dir: str | os.PathLike | None) -> str:
    data = "".join(f"{token}\n" for token in tokens).encode()
    digest = hashlib.sha256(data).hexdigest()[:16]
    path = os.path.join(cache_folder(cache_dir), _CACHED, digest, VOCABULARY_NAME)
    if not os.path.isfile(path):
        write_private(path, data)
    return path


def _read_optional(path: str) -> dict[str, Any]:
    return read_json(path) if os.path.isfile(path) else {}


def _bert_normalizer(normalizer: Any) -> dict[str, Any]:
    """The settings of the BertNormalizer in a tokenizer.json, {} where there is none."""
    if not isinstance(normalizer, dict):
        return {}
    if normalizer.get("type") == "Sequence":
        parts = [_bert_normalizer(part) for part in normalizer.get("normalizers", [])]
        return next((part for part in parts if part), {})
    if normalizer.get("type") == "Lowercase":
        return {"lowercase": True}
    return normalizer if normalizer.get("type") == "BertNormalizer" else {}


def _first_bool(*values: Any) -> bool | None:
    return next((value for value in values if isinstance(value, bool)), None)


def _remarks(settings: dict, normalizer: dict, casing: bool | None) -> tuple[str, ...]:
    remarks = []
    strip = _first_bool(settings.get("strip_accents"), normalizer.get("strip_accents"))
    if strip is not None and strip != casing:
        remarks.append(
            f"The source's tokenizer has strip_accents {strip}; here accents are stripped exactly "
            "where text is lower-cased, as in the reference."
        )
    chinese = (settings.get("tokenize_chinese_chars"), normalizer.get("handle_chinese_chars"))
    if _first_bool(*chinese) is False:
        remarks.append(
            "The source's tokenizer does not split Chinese characters; here they are split, as in "
            "the reference."
        )
    if settings.get("do_basic_tokenize") is False:
        remarks.append(
            "The source's tokenizer splits at white space only (do_basic_tokenize false); here "
            "punctuation is split off too, as in the reference."
        )
    return tuple(remarks)

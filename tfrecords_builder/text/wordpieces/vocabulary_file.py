"""A vocabulary's file: one wordpiece a line."""

import codecs
import shlex
from collections.abc import Mapping

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def load_vocabulary(vocab_file: str) -> dict[str, int]:
    """Reads a vocabulary: one wordpiece a line, whose id is the number of lines before it.

    White space around a wordpiece is dropped, Windows line ends included, as is a byte order
    mark; carriage returns end lines if there is no line feed. A blank line between others keeps
    its id and has no wordpiece; blank lines at the end are no rows.

    Args:
        vocab_file: path of the file, UTF-8.

    Returns:
        {wordpiece: id} in the order of the file.

    Raises:
        ValueError: the file is empty, not UTF-8, holds a wordpiece twice, or lacks one of
            `[PAD] [UNK] [CLS] [SEP] [MASK]`. Names file and line, counted from 1.
    """
    vocab: dict[str, int] = {}
    number = 0
    for number, raw in enumerate(_raw_rows(vocab_file), start=1):
        token = _decode_row(raw, vocab_file, number)
        if token in vocab:
            raise ValueError(
                f"{vocab_file}: expected every wordpiece once, received line {number} equal "
                f"to line {vocab[token] + 1}. Use the vocabulary as released, or change one "
                "of the two lines to an [unused] row (removing it would move all later ids)."
            )
        if token:
            vocab[token] = number - 1
    if not vocab:
        raise ValueError(
            f"{vocab_file}: expected one wordpiece a line, received no wordpiece in {number} "
            "lines (line 1 is missing or blank). Give the vocab.txt of a checkpoint."
        )
    missing = [token for token in SPECIAL_TOKENS if token not in vocab]
    if missing:
        raise ValueError(
            f"{vocab_file}: expected the rows {' '.join(SPECIAL_TOKENS)}, received lines 1 to "
            f"{number} without {' '.join(missing)}. Give the vocab.txt of a BERT checkpoint."
        )
    return vocab


def _raw_rows(vocab_file: str) -> list[bytes]:
    with open(vocab_file, "rb") as file:
        data = file.read()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(
            f"{vocab_file}: expected UTF-8, received UTF-16. Convert the file: iconv -f UTF-16 -t "
            f"UTF-8 {shlex.quote(vocab_file)} > vocab.txt."
        )
    rows = data.split(b"\n" if b"\n" in data else b"\r")
    return rows if rows[-1] else rows[:-1]


def portable_vocabulary(vocab_file: str) -> bytes:
    """Returns a vocabulary's file as every reader takes it.

    Others take a byte order mark for a part of the first wordpiece, and a file whose lines end in
    carriage returns alone for one line; any other file is returned byte for byte.
    """
    with open(vocab_file, "rb") as file:
        data = file.read()
    data = data.removeprefix(codecs.BOM_UTF8)
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def rows_of_vocabulary(vocab: Mapping[str, int]) -> list[str]:
    """Returns the wordpieces of a vocabulary by id; "" for a blank line."""
    rows = [""] * (max(vocab.values()) + 1)
    for token, row in vocab.items():
        rows[row] = token
    return rows


def _decode_row(raw: bytes, vocab_file: str, number: int) -> str:
    if number == 1:
        raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{vocab_file}: expected UTF-8, received other bytes in line {number} (at byte "
            f"{error.start + 1} of the line). Convert the file to UTF-8, for example with iconv."
        ) from None

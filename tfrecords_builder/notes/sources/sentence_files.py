"""Reads sentence files: a sentence a line, a blank line between documents."""

import itertools
import os
import re
from collections.abc import Iterator

from tfrecords_builder.notes.sources.sentence_lines import decode_lines

SUFFIX = ".txt"
BLOCK_BYTES = 1 << 20
# Most documents are shorter: where one ends is looked for here first.
_TAIL_BYTES = 1 << 14
# A whole hospital stay has a thousandth of it: a longer one is a file without blank lines.
MOST_BYTES = 256 << 20
_BLANK_LINE = re.compile(rb"\n[^\S\n]*\n")


def is_sentence_file(path: str, text_files: str = "sentences") -> bool:
    """Whether a source is a file of sentences rather than notes.

    Args:
        path: the source.
        text_files: what `.txt` files are read as, "sentences" or "notes"; see
            `file_kinds.choose_text_files`.
    """
    return text_files != "notes" and path.lower().endswith(SUFFIX) and os.path.isfile(path)


def holds_text(path: str) -> bool:
    """Whether a file has a byte at all.

    Raises:
        OSError: it cannot be opened.
    """
    with open(path, "rb") as file:
        return bool(file.read(1))


def read_blocks(path: str) -> Iterator[tuple[int, int, bytes]]:
    """A sentence file in blocks that end between documents.

    The blocks follow from the file alone, so that documents can be named by them. Carriage returns
    end lines if the file's first block has no line feed, and come as line feeds then.

    Yields:
        The block's offset in the file, bytes; the number of its first line; its bytes.

    Raises:
        ValueError: a document is longer than 256 MiB; names its place.
    """
    offset, line = 0, 1
    # What was read behind the last blank line, and what of its end may begin another.
    held: list[bytes] = []
    size, end, carriage_returns = 0, b"", False
    with open(path, "rb") as file:
        while data := file.read(BLOCK_BYTES):
            if not offset and not size:
                carriage_returns = b"\n" not in data and b"\r" in data
            if carriage_returns:
                # Both are one byte: offsets stay those of the file.
                data = data.replace(b"\r", b"\n")
            if cut := last_blank_line(end + data):
                cut -= len(end)
                block = b"".join([*held, data[:cut]])
                yield offset, line, block
                offset += len(block)
                line += block.count(b"\n")
                held, size, end, data = [], 0, b"", data[cut:]
            held.append(data)
            size += len(data)
            end = _open_end(end, data)
            if size > MOST_BYTES:
                raise ValueError(
                    f"{path}, line {line} (from byte {offset}): expected a blank line between "
                    f"documents, received none in {MOST_BYTES >> 20} MiB. Put a blank line behind "
                    "each document; for notes that are no sentence file use another format."
                )
    if size:
        yield offset, line, b"".join(held)


def decode_documents(data: bytes, path: str, first_line: int = 1) -> list[list[str]]:
    """The documents of a block, each as its lines without white space around them.

    Args:
        data, path, first_line: see `sentence_lines.decode_lines`.

    Raises:
        ValueError: a line is not UTF-8; names it.
    """
    lines = decode_lines(data, path, first_line)
    return [list(group) for is_text, group in itertools.groupby(lines, key=bool) if is_text]


def last_blank_line(data: bytes) -> int:
    """Where the text behind the last blank line begins; 0 if there is none."""
    for size in (_TAIL_BYTES, len(data)):
        tail = data[-size:]
        ends = [match.end() for match in _BLANK_LINE.finditer(tail)]
        if ends:
            return len(data) - len(tail) + ends[-1]
    return 0


def _open_end(before: bytes, data: bytes) -> bytes:
    """A line feed if the text ends in one and perhaps white space, else nothing."""
    line_feed = data.rfind(b"\n")
    rest = data[line_feed + 1 :]
    if rest and not rest.isspace():
        return b""
    return b"\n" if line_feed >= 0 else before

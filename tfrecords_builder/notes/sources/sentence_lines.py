"""The lines of sentence files, exactly as the reference reads them."""

import codecs
import shlex
from collections.abc import Iterable, Iterator

BLOCK_BYTES = 1 << 20


def decode_lines(data: bytes, path: str, first_line: int = 1) -> list[str]:
    """The lines of a sentence file, stripped; a blank line ends a document.

    Only a line feed ends a line, as in the reference; other Unicode line breaks are white space.

    Args:
        data: whole lines.
        path: the file, for errors.
        first_line: the number of the first line, for errors.

    Raises:
        ValueError: a line is not UTF-8 (named by its number, the text is not shown).
    """
    try:
        return list(map(str.strip, data.decode("utf-8").split("\n")))
    except UnicodeDecodeError as error:
        # Late: sentence files are read by light processes that need no error's advice.
        from tfrecords_builder.notes.sources.note_rows import likely_encoding

        marked = first_line == 1 and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "UTF-16" if marked else likely_encoding(data)
        line = first_line + data.count(b"\n", 0, error.start)
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ValueError(
            f"{path}, line {line}: expected UTF-8, received byte 0x{data[error.start]:02x} "
            f"at byte {column} of the line. Convert the file: iconv -f {encoding} -t UTF-8 "
            f"{shlex.quote(path)} > NEW_FILE."
        ) from None


def read_lines(paths: Iterable[str]) -> Iterator[list[str]]:
    """The lines of sentence files, a block of a file at a time; see `decode_lines`."""
    for path in paths:
        number = 1
        with open(path, "rb") as file:
            while raw := file.readlines(BLOCK_BYTES):
                yield decode_lines(b"".join(raw).removesuffix(b"\n"), path, number)
                number += len(raw)

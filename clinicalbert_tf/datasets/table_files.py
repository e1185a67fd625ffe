"""Opens a table's file as text: unpacks .gz and .zip, recognises or refuses its encoding.

What a file is, its first bytes say; its name is not trusted.
"""

import codecs
import contextlib
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, TextIO

# What `encoding` may be: the names of the errors below, and of --encoding.
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
_GZIP, _ZIP, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
_AS_CSV = "Save the table as CSV in UTF-8."
# How a file begins, in lower case: what it is and what to do.
_OTHER_FORMATS = {
    b"\xd0\xcf\x11\xe0": ("an Excel or Word file", _AS_CSV),
    b"bzh": ("a bzip2 file", "Unpack it (bunzip2)."),
    b"\xfd7zxz": ("an xz file", "Unpack it (unxz)."),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", "Unpack it (unzstd)."),
    b"7z\xbc\xaf": ("a 7z archive", "Unpack it (7z x)."),
    b"rar!": ("a RAR archive", "Unpack it (unrar x)."),
    b"%pdf": ("a PDF file", _AS_CSV),
    b"{\\rtf": ("a file of rich text (RTF)", _AS_CSV),
    b"sqlite": ("a database of SQLite", _AS_CSV),
    b"<!docty": ("a web page (a download that failed?)", "Sign in and download it again."),
    b"<html": ("a web page (a download that failed?)", "Sign in and download it again."),
    b"<?xml": ("an XML file", _AS_CSV),
}
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16: its little-endian mark begins UTF-32's.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile)
# Bytes that cp1252 leaves undefined: a file that has them is not cp1252.
_NOT_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")
_BLOCK = 1 << 20


class TableError(ValueError):
    """A table cannot be read as asked; names file and line, never a cell's text."""


def is_parquet(path: str) -> bool:
    """Whether a file is a Parquet file, by its first bytes."""
    with _existing(path) as file:
        return file.read(4) == _PARQUET


def is_zip(path: str) -> bool:
    """Whether a file is a zip archive, by its first bytes."""
    with _existing(path) as file:
        return file.read(4) == _ZIP


@contextlib.contextmanager
def open_text(
    path: str, encoding: str | None = None, member: str | None = None
) -> Iterator[TextIO]:
    r"""Opens a file of text, packed or not; line ends stay as they are (`newline=""`).

    Args:
        path: plain, gzip, or a zip archive.
        encoding: one of ENCODINGS; None for UTF-8 with or without byte order mark, or UTF-16 or
            UTF-32 with one.
        member: the file inside a zip archive, by its full name; None if the archive has only one.

    Yields:
        A text file. Reading what is not in that encoding, or is damaged, raises TableError.

    Raises:
        FileNotFoundError: there is no such file, or no such member.
        TableError: it is not text (Excel, Parquet, ...), an archive with several files or a
            password, not in the encoding, or damaged.
    """
    if encoding is not None and encoding not in ENCODINGS:
        raise ValueError(
            f"Expected encoding to be one of {', '.join(ENCODINGS)}, received {encoding!r}."
        )
    problem = None
    with _unpacked(path, member) as binary:
        try:
            chosen = encoding or _encoding_of_start(path, binary)
            text = io.TextIOWrapper(binary, encoding=chosen, newline="")
            yield text
            text.detach()
        except UnicodeDecodeError:
            problem = "encoding"
        except _DAMAGED as error:
            problem = f"a whole archive, received one that is damaged ({type(error).__name__})"
    # Out here, so that no traceback leads to the decoder's buffer.
    if problem == "encoding":
        raise TableError(_foreign_encoding(path, encoding, member))
    if problem:
        raise TableError(f"{path}: expected {problem}. Copy the file again.")


def zip_members(path: str) -> list[str]:
    """Names of the files in a zip archive, in its order, without macOS' resource forks.

    Raises:
        TableError: it is not a sound zip archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                name
                for name in archive.namelist()
                if not name.endswith(("/", ".DS_Store")) and not name.startswith("__MACOSX/")
            ]
    except zipfile.BadZipFile:
        pass
    raise TableError(f"{path}: expected a zip archive, received a damaged one. Copy it again.")


def _existing(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        pass
    raise FileNotFoundError(f"Expected a table, found no file at {path}. Check the path.")


@contextlib.contextmanager
def _unpacked(path: str, member: str | None) -> Iterator[io.BufferedReader]:
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(_existing(path))
        start = file.read(8)
        file.seek(0)
        if start.startswith(_ZIP):
            archive = stack.enter_context(zipfile.ZipFile(file))
            file = stack.enter_context(_open_member(path, archive, member))
        elif start.startswith(_GZIP):
            file = stack.enter_context(gzip.GzipFile(fileobj=file))
        elif start.startswith(_PARQUET):
            raise TableError(f"{path}: expected text, received Parquet. Name it as Parquet.")
        for magic, (name, advice) in _OTHER_FORMATS.items():
            if start.lower().startswith(magic):
                raise TableError(
                    f"{path}: expected text, plain, gzipped or zipped, received {name}. {advice}"
                )
        yield io.BufferedReader(file, _BLOCK)


def _open_member(path: str, archive: zipfile.ZipFile, member: str | None) -> BinaryIO:
    names = zip_members(path)
    if any(name.startswith("xl/") for name in names):
        raise TableError(
            f"{path}: expected text, received an Excel file. Save the table as CSV in UTF-8."
        )
    if member is None and len(names) != 1:
        raise TableError(
            f"{path}: expected an archive of one file, received one of {len(names)}. Unpack it and "
            "name the file that is meant."
        )
    name = names[0] if member is None else member
    if name not in names:
        raise FileNotFoundError(f"{path}: expected the file {name} in this archive, found none.")
    if archive.getinfo(name).flag_bits & 1:
        raise TableError(
            f"{path}: expected an archive without a password, received one that has one. Unpack it."
        )
    return archive.open(name)


def _encoding_of_start(path: str, binary: io.BufferedReader) -> str:
    start = binary.peek(1024)[:1024]
    for mark, name in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return name
    # Text of mostly ASCII in UTF-16 without a mark: every other byte is zero.
    zeros = start.count(0)
    if zeros and zeros >= len(start) // 3:
        order = "LE" if start[1::2].count(0) > start[::2].count(0) else "BE"
        raise TableError(
            f"{path}: expected UTF-8, received UTF-16 without a byte order mark. Convert it: "
            f"iconv -f UTF-16{order} -t UTF-8."
        )
    return "utf-8"


def _foreign_encoding(path: str, encoding: str | None, member: str | None) -> str:
    expected = encoding or "UTF-8"
    high, offset, first = set(), 0, None
    with _unpacked(path, member) as file:
        decoder = codecs.getincrementaldecoder(encoding or "utf-8")()
        while block := file.read(_BLOCK):
            high.update(byte for byte in set(block) if byte >= 0x80)
            if first is None:
                pending = len(decoder.getstate()[0])
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    first = offset - pending + error.start
            offset += len(block)
    where = "at its end" if first is None else f"at byte {first}"
    if not high & set(range(0x80, 0xA0)):
        guess = "latin-1 or cp1252 (the same for these bytes)", "latin-1"
    elif high & _NOT_CP1252:
        guess = "latin-1, or a file that is damaged", "latin-1"
    else:
        guess = "cp1252 (Windows)", "cp1252"
    return (
        f"{path}: expected {expected}, received other bytes {where}. They fit {guess[0]}. Give "
        f"--encoding={guess[1]} if that is right, or convert the file with iconv."
    )

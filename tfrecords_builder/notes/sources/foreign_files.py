"""Tells files that are no text, a table or JSON lines, and what makes them so."""

import codecs
import shlex
from collections.abc import Collection

from tfrecords_builder.notes.sources.note_rows import NoteSourceError

# As many bytes as reach to the mark of a tar archive.
LOOKED_AT_BYTES = 262
_TAR_MARK_AT = 257
_AS_CSV = "Save its sheet as CSV UTF-8 and name that file."
_AS_TEXT = "Save its text as UTF-8 (.txt) and name that file."
# How a file begins, what it is, and what to do; {path} stands for the file.
_BEGINNINGS = (
    (b"%PDF-", "a PDF", "Extract its text (pdftotext {path}) and name that file."),
    (b"{\\rtf", "a file of rich text (RTF)", _AS_TEXT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of Microsoft Office (.xls or .doc)",
        "Save it as CSV UTF-8 or as text and name that file."),
    (b"\0\5\x16\7", "what macOS keeps beside a file (._NAME)", "Name the file itself."),
    (b"PAR1", "a Parquet file", "Give it a name that ends in .parquet."),
    (b"SQLite format 3\0", "a database of SQLite",
        "Name it with its query: --input='sqlite:///{path}#SELECT note_id, text FROM notes'."),
    (b"SAS FILE", "a SAS transport file", _AS_CSV),
    (b"$FL2", "a file of SPSS", _AS_CSV),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it (7z x {path}) and name what to read."),
    (b"Rar!\x1a\7", "a RAR archive", "Unpack it (unrar x {path}) and name what to read."),
    (b"\x1f\x9d", "a file of compress (.Z)", "Unpack it (gunzip {path}) and name what to read."),
    (b"\x04\x22\x4d\x18", "an lz4 file", "Unpack it (unlz4 {path}) and name what to read."),
    (b"\x5d\0\0", "a file of old lzma", "Unpack it (unlzma {path}) and name what to read."),
    *((mark, "a file packed twice", "Unpack it once and name what comes out.")
        for mark in (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")),
)  # fmt: skip
# In lower case, behind white space and a byte order mark.
_MARKUP = (
    (b"<!doctype html", b"<html"), "a web page (HTML)",
    "If it came instead of a download, sign in and download again; else save its text as UTF-8 "
    "(.txt) and name that file.",
), (
    (b"<?xml", b"<clinicaldocument"), "XML",
    'Write its notes as one JSON object per line, {"note_id": ..., "text": ...}, and name that '
    "file (.jsonl).",
)  # fmt: skip
_TAR = ("a tar archive", "Unpack it (tar -xf {path}) and name what to read.")
# Members of zip archives that are documents.
_DOCUMENTS = (
    ("xl/", "a workbook of Excel", _AS_CSV),
    ("word/", "a document of Word", _AS_TEXT),
    ("content.xml", "a document of LibreOffice",
        "Save it as CSV or as text, in UTF-8, and name that file."),
)  # fmt: skip


def check_beginning(path: str, beginning: bytes) -> None:
    """Checks that a file, unpacked, is none of another kind.

    Args:
        path: the file, for the error.
        beginning: its first LOOKED_AT_BYTES bytes.

    Raises:
        NoteSourceError: it is; says what it is and what to do.
    """
    for start, what, advice in _BEGINNINGS:
        if beginning.startswith(start):
            _refuse(path, what, advice)
    if beginning[_TAR_MARK_AT:] == b"ustar":
        _refuse(path, *_TAR)
    text = beginning.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for starts, what, advice in _MARKUP:
        if text.startswith(starts):
            _refuse(path, what, advice)
    if encoding := unmarked_encoding(beginning):
        raise NoteSourceError(
            f"{path}: expected UTF-8, received bytes that look like {encoding} without its mark. "
            f"Convert the file: iconv -f {encoding} -t UTF-8 {shlex.quote(path)} > NEW_FILE."
        )


def unmarked_encoding(beginning: bytes) -> str | None:
    """Returns "UTF-16LE" or "UTF-16BE" if bytes look like it and have no mark, else None."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    # Every other byte of ASCII letters is 0; the other ones never are.
    for encoding, first in (("UTF-16LE", 1), ("UTF-16BE", 0)):
        high, low = beginning[first::2], beginning[1 - first :: 2]
        if high and 2 * high.count(0) > len(high) and not low.count(0):
            return encoding
    return None


def check_members(path: str, names: Collection[str]) -> None:
    """Checks that a zip archive is no document.

    Raises:
        NoteSourceError: as check_beginning.
    """
    for start, what, advice in _DOCUMENTS:
        if any(name.startswith(start) for name in names):
            _refuse(path, what, advice)


def _refuse(path: str, what: str, advice: str) -> None:
    raise NoteSourceError(
        f"{path}: expected text, a table (CSV) or JSON lines, received {what}. "
        + advice.replace("{path}", shlex.quote(path))
    )

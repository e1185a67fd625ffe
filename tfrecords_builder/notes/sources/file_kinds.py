"""Tells from its content what a file of notes is."""

import os
import re
from collections.abc import Iterable

from absl import logging

from tfrecords_builder.notes.sources.note_folders import JSON_LINES_SUFFIXES, TEXT_SUFFIX
from tfrecords_builder.notes.sources.note_tables import is_header
from tfrecords_builder.notes.sources.packed_files import UnpackingError, open_text, unpacked_name
from tfrecords_builder.text.sentences import split_sentences

TABLE, JSON_LINES, TEXT = "table", "JSON lines", "text"
# What .txt files are read as: told from their content, files that are cut into sentences already
# (a sentence per line, an empty line between documents), or a note per file.
TEXT_FILES = ("auto", "sentences", "notes")
_LOOKED_AT_FILES = 50
_LOOKED_AT_CHARACTERS = 1 << 15
# Of the lines of files that were cut into sentences, by whatever rules, fewer continue in the next
# line or hold several sentences.
_PROSE_SHARE = 0.2
# Prose is not wrapped at more columns, and a wrapped line is nearly as long as the longest.
_WIDEST_PROSE = 130
_FULL_LINE = 0.8
_ends_sentence = re.compile("[.!?:;。！？；：][\"')\\]”’」』）】》]*\\Z")


def kind_of(path: str) -> str:
    """Tells what a file of notes is: a table, JSON lines or text.

    A `.txt` file is text unless its first line is the header of a table of notes.

    Raises:
        OSError: it cannot be read.
    """
    name = unpacked_name(path)
    if name.endswith(JSON_LINES_SUFFIXES):
        return JSON_LINES
    try:
        with open_text(path, newline=None) as file:
            first = file.readline(_LOOKED_AT_CHARACTERS)
            while first and first.isspace():
                first = file.readline(_LOOKED_AT_CHARACTERS)
    except UnpackingError:
        first = ""
    if name.endswith(TEXT_SUFFIX):
        return TABLE if is_header(path, first) else TEXT
    return JSON_LINES if first.lstrip()[:1] in ("{", "[") else TABLE


def choose_text_files(paths: Iterable[str], asked: str = "auto") -> str:
    """Decides what the `.txt` files among inputs are read as, and says so.

    Args:
        paths: the inputs; folders are not looked at, their files are notes.
        asked: one of TEXT_FILES.

    Returns:
        "sentences" or "notes".
    """
    texts = [path for path in paths if path.lower().endswith(TEXT_SUFFIX) and os.path.isfile(path)]
    if not texts:
        return "sentences" if asked == "auto" else asked
    found = asked
    if asked == "auto":
        lines = prose = 0
        for path in texts[:: max(1, len(texts) // _LOOKED_AT_FILES)]:
            own_lines, own_prose = _prose_lines(path)
            lines, prose = lines + own_lines, prose + own_prose
        found = "notes" if prose > _PROSE_SHARE * lines else "sentences"
    logging.info(
        "Reading %d .txt files as %s; the other is --text_files=%s.",
        len(texts),
        *(("notes, one per file", "sentences") if found == "notes" else (_SENTENCES, "notes")),
    )
    return found


_SENTENCES = "sentence files (a sentence per line, an empty line between documents)"


def _prose_lines(path: str) -> tuple[int, int]:
    """Counts the lines of a file's beginning, and those that only prose has.

    Lines of prose continue in the next one, which begins in lower case, or hold several sentences.
    """
    with open_text(path, newline=None) as file:
        text = file.read(_LOOKED_AT_CHARACTERS)
    lines = [line.strip() for line in text.split("\n")]
    widest = max(map(len, lines))
    full = _FULL_LINE * widest if widest <= _WIDEST_PROSE else widest + 1
    prose = 0
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        goes_on = following[:1].islower() and len(line) >= full and not _ends_sentence.search(line)
        prose += bool(line) and (goes_on or len(split_sentences(line)) > 1)
    return sum(map(bool, lines)), prose

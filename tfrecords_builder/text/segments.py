"""A note's sections with their titles, kinds and places in the original text.

`sections` cuts a note finely, for sentences of a corpus: each title, list item and answer is a
piece. Here a section is a title with all that follows it up to the next one.
"""

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable

from tfrecords_builder.text import chinese, sentences
from tfrecords_builder.text.cleaning import RULERS
from tfrecords_builder.text.section_kinds import KINDS, UNTITLED, SectionKinds
from tfrecords_builder.text.sections import is_title, split_sections

# Longer ones are sentences with a colon.
_LONGEST_TITLE = 60
_line = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
# What may stand before a title: marks of headings, the number of an item.
_decoration = re.compile(r"(?:#{1,6}|\*{1,2}|_{1,2}|\d{1,2}[.)]|[IVX]{1,4}\.)?[^\S\r\n]*")
_titled = re.compile(rf"([A-Za-z][^\r\n:]{{0,{_LONGEST_TITLE}}}):")
_same_marks = re.compile(r"(\S)\1*")
_ruler = re.compile(r"\s*([^\w\s])\1\1+\s*\Z")


@dataclasses.dataclass(frozen=True)
class Segment:
    """A section of a note.

    Attributes:
        title: as it stands in the note, without its colon; "" before the first title.
        kind: what the title names; "other" if nothing known, "untitled" without a title.
        start, end: its place in the note, in characters: text[start:end] is the section, title and
            line ends included.
    """

    title: str = dataclasses.field(repr=False)
    kind: str
    start: int
    end: int


def segment(text: str, kinds: SectionKinds = KINDS) -> list[Segment]:
    """Divides a note into its sections.

    A line begins a section if it begins with a title of the table or one in 【】; or with any words
    in title case (or Chinese) and a colon, if these are alone on it or an empty line is above.

    Args:
        text: a note as its source has it.
        kinds: the table of titles.

    Returns:
        The sections in order. Each begins where the one before ends, the first at 0 and the last
        ends with the note, so that no character is left out; none for an empty note.
    """
    found: list[tuple[int, str, str]] = []
    at_block, underlined = True, False
    for line in _line.finditer(text):
        # A note may begin with a byte order mark.
        content = line[0].strip().removeprefix("\ufeff")
        if not content or _ruler.match(content):
            # A ruler under a title is the title's.
            at_block = not (content and underlined)
            continue
        titled = _title_of(content, at_block, kinds)
        if titled:
            found.append((line.start(), *titled))
        at_block, underlined = False, titled is not None
    if not found or text[: found[0][0]].strip():
        found.insert(0, (0, "", UNTITLED))
    elif found[0][0]:
        # Only white space stands before the first title.
        found[0] = (0, *found[0][1:])
    starts = [start for start, _, _ in found]
    ends = [*starts[1:], len(text)]
    return [
        Segment(title, kind, start, end)
        for (start, title, kind), end in zip(found, ends, strict=True)
        if end > start
    ]


def _title_of(line: str, at_block: bool, kinds: SectionKinds) -> tuple[str, str] | None:
    """Returns title and kind if a line without white space around it begins a section."""
    if (title := chinese.title_of(line)) is not None:
        bracketed, alone = line.startswith("【"), line.endswith(("：", ":"))
        if bracketed or alone or at_block or kinds.known(title):
            return title, kinds.kind_of(title)
        return None
    line = line[_decoration.match(line).end() :]
    if match := _titled.match(line):
        title = match[1].strip(" *_#")
        known = kinds.known(title)
        if known:
            return title, known
        alone = len(match[0]) == len(line)
        return (title, kinds.kind_of(title)) if (at_block or alone) and is_title(match[0]) else None
    # A heading without a colon is one only if the table has it.
    title = line.strip(" *_#")
    if len(title) > _LONGEST_TITLE or (not title[:1].isupper() and title.isascii()):
        return None
    known = kinds.known(title)
    return (title, known) if known else None


def of_kinds(
    text: str, wanted: Collection[str], kinds: SectionKinds = KINDS
) -> list[tuple[int, int]]:
    """Returns (start, end) of the sections of some kinds; neighbours are joined.

    Args:
        text: a note as its source has it.
        wanted: names of kinds; see `SectionKinds.check`.
        kinds: the table of titles.
    """
    spans: list[tuple[int, int]] = []
    for found in segment(text, kinds):
        if found.kind not in wanted:
            continue
        if spans and spans[-1][1] == found.start:
            spans[-1] = (spans[-1][0], found.end)
        else:
            spans.append((found.start, found.end))
    return spans


def restrict(text: str, wanted: Collection[str], kinds: SectionKinds = KINDS) -> str:
    """Returns the text of a note's sections of some kinds, in order; see `of_kinds`."""
    return "".join(text[start:end] for start, end in of_kinds(text, wanted, kinds))


def sentence_spans(
    text: str,
    start: int = 0,
    end: int | None = None,
    split: Callable[[Iterable[str]], list[str]] = sentences.split_all_sentences,
) -> list[tuple[int, int]]:
    """Returns (start, end) of the sentences of a part of a note, in characters of the note.

    Args:
        text: a note as its source has it.
        start, end: the part, such as a section's.
        split: makes the sentences of pieces; see `sentences.splitter`.
    """
    part = text[start:end]
    return [(start + a, start + b) for a, b in locate(part, split(split_sections(part)))]


def locate(text: str, pieces: Iterable[str]) -> list[tuple[int, int]]:
    """Returns where pieces of a text stand in it.

    Args:
        text: any text.
        pieces: its characters other than white space, in order; a ruler may be shortened to five.

    Raises:
        ValueError: the pieces are not of this text.
    """
    places = [place for place, character in enumerate(text) if not character.isspace()]
    spans = []
    at = 0
    for piece in pieces:
        first = at
        for word in piece.split():
            if places[at : at + 1] == [] or text[places[at]] != word[0]:
                raise ValueError("Expected pieces of the text, received others.")
            # A ruler, which may be longer in the text, is as long as its marks continue there.
            run = _same_marks.match(text, places[at]) if word in RULERS else None
            at += len(run[0] if run else word)
        if at > len(places):
            raise ValueError("Expected pieces of the text, received others.")
        if at > first:
            spans.append((places[first], places[at - 1] + 1))
    return spans

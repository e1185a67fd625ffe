"""Splits a note into sections: headers, list items, one-line answers and blocks of prose.

Source: the section splitter of the clinicalBERT scripts (Alsentzer et al. 2019), which goes back
to Boag's mimic-tokenize. `as_published` gives what that code gives, with what it loses and where it
fails. `corrected` makes the two corrections its authors name (a full stop in the list search that
stood for any character, a one-line answer that was dropped) and loses no other character either.
"""

import functools
import itertools
import re

from tfrecords_builder.text import chinese
from tfrecords_builder.text.cleaning import content_length as content_length
from tfrecords_builder.text.cleaning import cut_out_rulers, with_line_feeds

RULES = ("corrected", "as_published")

_UNCAPITALISED = frozenset(("of", "on", "or"))
# int() refuses longer ones since Python 3.11; nobody numbers a list like that.
_LONGEST_NUMBER = 4000

_dashes = re.compile("---+")
_underscores = re.compile("___+")
_two_empty_lines = re.compile("\n\n\n")
_blank_lines = re.compile("\n\n+")
_OPENINGS = ("Admission Date:", "Date of Birth:")
_admission_line = re.compile(r"(Admission Date:) (.*) (Discharge Date:) (.*)")
_birth_line = re.compile(r"(Date of Birth:) (.*) (Sex:) (.*)")
_header = re.compile(r"\n([A-Z][^\n:]+:)")
_enumerator = re.compile(r"\n[^\S\n]*(\d+)\.")
_leading_number = re.compile(r"\n[^\S\n]*(\d+)(.?)")
_inline_title = re.compile(r"\n([a-zA-Z ]+:) ")


class PublishedRulesError(ValueError):
    """The published rules fail on this note; `reference_error` is the exception's type there."""

    def __init__(self, reference_error: str):
        super().__init__(
            "expected a note that the published section rules can split, received one on which "
            f"the reference raises {reference_error}. Use the rules 'corrected', or count the "
            "note as failed."
        )
        self.reference_error = reference_error


def split_sections(text: str, rules: str = "corrected") -> list[str]:
    """Splits the text of a note into sections.

    Args:
        text: the note.
        rules: "corrected" or "as_published".

    Returns:
        The sections in the order of the note, with their line breaks. A ruler is a section of
        its own, shortened to five marks: a run of three or more `-` anywhere, and with
        "corrected" a line of three or more `_`, `=`, `*` or `~` alone ("as_published": `_`
        anywhere). With "corrected" they hold every other character of the note that is not white
        space, in order, and nothing else.

    Raises:
        ValueError: `rules` is neither.
        PublishedRulesError: only with "as_published", where the reference raises.

    Source: sent_tokenize_rules in heuristic_tokenize.py (Alsentzer et al. 2019).
    """
    if rules not in RULES:
        raise ValueError(f"Expected rules to be one of {RULES}, received {rules!r}. Choose one.")
    published = rules == "as_published"
    blocks = _split_blocks(text, published)
    parts = _take_admission_lines(blocks, published)
    may_be_chinese = not (published or text.isascii())
    for block in blocks:
        if may_be_chinese and chinese.holds_titles(block):
            for titled in chinese.split_at_titles(block):
                parts += _split_at_headers(titled)
        elif ":" in block:
            parts += _split_at_headers(block)
        elif block:
            parts.append(block.strip())
    sections = []
    for part in parts:
        # Only the beginning of a line can be the beginning of a list item or of an inline title.
        lines = "\n" in part
        if not lines and not part[:1].isdecimal():
            sections.append(part)
            continue
        for item in _split_list(part, published):
            if lines and ": " in item:
                sections += _split_at_inline_titles(item)
            else:
                sections.append(item)
    return _join_one_line_answers(sections, published)


@functools.lru_cache(maxsize=4096)
def is_title(text: str) -> bool:
    """Whether a text ends with a colon and all its words but of, on, or begin with a capital."""
    if not text.endswith(":"):
        return False
    text = text[:-1]
    if "(" in text:
        text = _without_parentheses(text)
    for word in text.split():
        if not word[0].isupper() and word not in _UNCAPITALISED:
            return False
    # The line that says how many tablets were dispensed is no header.
    return text != "Disp"


def _without_parentheses(text: str) -> str:
    """Drops each `(` with all up to the next `)`, in time proportional to the text."""
    kept = []
    start = 0
    while (opening := text.find("(", start)) >= 0 and (closing := text.find(")", opening)) >= 0:
        kept.append(text[start:opening])
        start = closing + 1
    return "".join(kept) + text[start:]


def _split_blocks(text: str, published: bool) -> list[str]:
    """Cuts at empty lines; rulers get empty lines around them first."""
    if not published:
        # Within a line, underscores stand for something removed or to be filled in.
        text = cut_out_rulers(with_line_feeds(text))
    elif "___" in text:
        text = _underscores.sub("\n\n_____\n\n", text)
    # The search for three of a mark that occurs elsewhere is faster in an expression than by `in`.
    if _dashes.search(text):
        text = _dashes.sub("\n\n-----\n\n", text)
    return _blank_lines.split(text) if _two_empty_lines.search(text) else text.split("\n\n")


def _take_admission_lines(blocks: list[str], published: bool) -> list[str]:
    """Removes the two opening lines with two headers each from `blocks` and returns their parts."""
    parts: list[str] = []
    if not blocks[0].startswith(_OPENINGS):
        return parts
    for pattern in (_admission_line, _birth_line):
        if not blocks:
            if published:
                raise PublishedRulesError("IndexError")
            break
        match = pattern.match(blocks[0])
        if match:
            parts += map(str.strip, match.groups())
            # The reference forgets the lines that follow in the same block.
            rest = blocks[0][match.end() :].strip()
            blocks[:1] = [rest] if rest and not published else []
    return parts


def _split_at_headers(block: str) -> list[str]:
    """Cuts before and after each title that begins a line and ends with a colon."""
    parts = []
    start = 0
    for header in _header.findall("\n" + block):
        if is_title(header):
            # As in the reference, the first place where the words stand, even within a line.
            place = block.index(header, start)
            if place > start:
                before = block[start:place].strip()
                if before:
                    parts.append(before)
            parts.append(header)
            start = place + len(header)
    rest = block[start:].strip()
    if rest or not start:
        parts.append(rest)
    return parts


def _split_list(part: str, published: bool) -> list[str]:
    """Cuts a numbered list into its items."""
    text = "\n" + part
    if not _enumerator.search(text):
        return [part]
    enumerators = list(_enumerator.finditer(text))
    cuts = _count_items(text, enumerators, published)
    if not cuts:
        return [text]
    if cuts > len(enumerators):
        raise PublishedRulesError("AttributeError")
    places = [0, *(enumerator.start() for enumerator in enumerators[:cuts]), len(text)]
    items = [text[start:end].strip() for start, end in itertools.pairwise(places)]
    return items if items[0] else items[1:]


def _count_items(text: str, enumerators: list[re.Match], published: bool) -> int:
    """How many of the numbers that begin a line count up from the first one without a gap."""
    if len(enumerators[0][1]) > _LONGEST_NUMBER:
        return 0
    if published:
        numbers = _published_numbers(text)
    else:
        numbers = {enumerator[1] for enumerator in enumerators}
    first = number = int(enumerators[0][1])
    while str(number) in numbers:
        number += 1
    return number - first if number > 1 else 0


def _published_numbers(text: str) -> set[str]:
    """The numbers that the reference takes for enumerators: any character may stand for the dot.

    A line that begins with "30 tablets" so has the numbers 3 and 30.
    """
    numbers = set()
    for digits, following in _leading_number.findall(text):
        numbers.update(digits[:length] for length in range(1, len(digits) + bool(following)))
    return numbers


def _split_at_inline_titles(item: str) -> list[str]:
    """Cuts before each line that begins with a title and continues behind it."""
    parts = []
    start = 0
    for match in _inline_title.finditer(item):
        if is_title(match[1]):
            place = match.start()
            parts.append(item[start:place])
            start = place + 1
    parts.append(item[start:] if start else item)
    return parts


def _join_one_line_answers(sections: list[str], published: bool) -> list[str]:
    """Puts an answer of one line behind its title, unless more text follows it."""
    titles = [section[-1:] == ":" and is_title(section) for section in sections]
    if True not in titles:
        return sections
    titles.append(True)
    joined: list[str] = []
    for index, section in enumerate(sections):
        answers = index and titles[index - 1] and not titles[index] and "\n" not in section
        if not answers:
            joined.append(section)
        elif titles[index + 1]:
            joined[-1] += " " + section
        elif not published:
            joined.append(section)
    return joined

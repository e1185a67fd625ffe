"""What is put right in a note's text before it is cut: line ends, placeholders, rulers.

All of it is told from the text alone, so that notes of every source are treated alike.
"""

import re

# What deidentification leaves where a name or a date stood, in the form of MIMIC-III's spans,
# which the rules for sentences keep whole.
PLACEHOLDER = "[** **]"
_exactly_three = re.compile("(?<!_)___(?!_)")
# Lines of one of these marks alone are rulers; of the first two the reference knows.
_ASCII_MARKS = "-_=*~"
_OTHER_MARKS = "—―─━═＝＿"
# By three marks, the least that are a ruler: what finds runs of them. One expression for each,
# because a search for a fixed beginning is several times faster than one for a class.
_RUNS = {3 * mark: re.compile(3 * re.escape(mark) + f"[{mark}]*") for mark in _ASCII_MARKS}
_OTHER_RUNS = {3 * mark: re.compile(3 * mark + f"{mark}*") for mark in _OTHER_MARKS}
_ALL_RUNS = _RUNS | _OTHER_RUNS
RULERS = frozenset(5 * mark for mark in _ASCII_MARKS + _OTHER_MARKS)
_ASCII_WHITE_SPACE = bytes(code for code in range(128) if chr(code).isspace())


def with_line_feeds(text: str) -> str:
    """Returns the text with a line feed for the line ends of Windows and of old Macintoshes."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def mark_mimic_iv_placeholders(text: str) -> str:
    """Returns a note of MIMIC-IV-Note with `[** **]` for each `___`, even alone on its line."""
    return _exactly_three.sub(PLACEHOLDER, text) if "___" in text else text


def mark_placeholders(text: str) -> str:
    """Returns the text with `[** **]` for each run of three or more underscores within a line.

    Something was removed there or is to be filled in. A run that is alone on its line is a ruler.

    Args:
        text: a note with line feeds; see `with_line_feeds`.
    """
    # A single character that is missing is found to be so ten times as fast as three of it.
    if "_" not in text or "___" not in text:
        return text
    return _RUNS["___"].sub(lambda run: run[0] if _is_alone(run) else PLACEHOLDER, text)


def cut_out_rulers(text: str) -> str:
    """Returns the text with every line of one mark alone shortened to five, with lines around it.

    Hyphens are left to the rules for sections, which cut at them within a line too.

    Args:
        text: a note with line feeds; see `with_line_feeds`.
    """
    # A single character that is missing is found to be so ten times as fast as three of it.
    if "_" in text and "___" in text:
        text = _RUNS["___"].sub(_shortened_if_alone, text)
    if "=" in text and "===" in text:
        text = _RUNS["==="].sub(_shortened_if_alone, text)
    if "*" in text and _RUNS["***"].search(text):
        text = _RUNS["***"].sub(_shortened_if_alone, text)
    if "~" in text and "~~~" in text:
        text = _RUNS["~~~"].sub(_shortened_if_alone, text)
    if not text.isascii():
        for beginning, runs in _OTHER_RUNS.items():
            if beginning in text:
                text = runs.sub(_shortened_if_alone, text)
    return text


def _shortened_if_alone(run: re.Match) -> str:
    return f"\n\n{5 * run[0][0]}\n\n" if _is_alone(run) else run[0]


def _is_alone(run: re.Match) -> bool:
    """Whether nothing but white space is on the line of a match."""
    text, (start, end) = run.string, run.span()
    # Nearly all rulers fill their line.
    if text[start - 1 : start] == "\n" == text[end : end + 1]:
        return True
    line_end = text.find("\n", end)
    after = text[end : line_end if line_end >= 0 else None]
    return not (text[text.rfind("\n", 0, start) + 1 : start].strip() or after.strip())


def content_length(text: str) -> int:
    """Counts the characters other than white space and runs of three or more of a ruler's mark.

    The sum over a note's sections, divided by that of the note, is the share of characters kept.
    """
    if text.isascii():
        count = len(text.encode("ascii").translate(None, _ASCII_WHITE_SPACE))
    else:
        count = len("".join(text.split()))
    for beginning, runs in (_RUNS if text.isascii() else _ALL_RUNS).items():
        # A single character that is missing is found to be so ten times as fast as three of it.
        if beginning[0] in text and beginning in text:
            count -= sum(map(len, runs.findall(text)))
    return count

"""One rule: a type, a pattern whose group "found" is removed, and a check of what it found."""

import re
from collections.abc import Callable

# Digits and letters of alphabets with spaces between words.
_LETTERS = "0-9A-Za-z_\u00c0-\u052f"
# At the beginning of the pattern, of a group or of an alternative a word follows.
_FIRST_BOUNDARY = re.compile(r"(?:^|(?<=[(:|>]))\\b")
Rule = tuple[str, re.Pattern, Callable[[re.Match], bool] | None]


def rule(label: str, pattern: str, check=None, flags=re.IGNORECASE) -> Rule:
    """Returns a rule; `check` gets the match and says whether it counts.

    A `\\b` of the pattern is a boundary between a Chinese character and a letter too: both are
    word characters to `re`.
    """
    return label, re.compile(_beside_chinese(pattern), flags), check


def _beside_chinese(pattern: str) -> str:
    pattern = _FIRST_BOUNDARY.sub(rf"(?<![{_LETTERS}])", pattern)
    return pattern.replace(r"\b", rf"(?![{_LETTERS}])")

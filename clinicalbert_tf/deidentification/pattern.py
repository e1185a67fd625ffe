"""One rule: a type, a pattern whose group "found" is removed, and a check of what it found."""

import re
from collections.abc import Callable

Rule = tuple[str, re.Pattern, Callable[[re.Match], bool] | None]


def rule(label: str, pattern: str, check=None, flags=re.IGNORECASE) -> Rule:
    """Returns a rule; `check` gets the match and says whether it counts."""
    return label, re.compile(pattern, flags), check

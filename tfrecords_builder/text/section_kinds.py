"""Which kind of section a title names: a table, English and Chinese, that users can extend."""

import json
import os
import re
from collections.abc import Iterable, Mapping

OTHER = "other"
UNTITLED = "untitled"
# {kind: [title, ...]}; `normal_title` says which titles count as equal.
_TABLE = "section_titles.json"
# What names the kind of a longer title, such as "Medications Held on Transfer".
_WORDS = {
    "medications": {"medication", "medications", "meds"},
    "physical exam": {"exam", "examination"},
    "allergies": {"allergies"},
    "diagnosis": {"diagnosis", "diagnoses"},
    "results": {"labs"},
    "hospital course": {"course"},
}
_parenthesis = re.compile(r"\([^()]*\)|（[^（）]*）")
_and = re.compile(r"\s*[&/+]\s*")
_not_word = re.compile(r"[\s_\-–—.,*#:：]+")


def normal_title(title: str) -> str:
    """Returns a title as the table compares them.

    Case, parentheses, punctuation and spaces do not count; `&`, `/` and `+` are "and", "Hx" is
    "history".
    """
    title = _and.sub(" and ", _parenthesis.sub(" ", title))
    words = _not_word.sub(" ", title).casefold().split()
    return " ".join("history" if word == "hx" else word for word in words)


class SectionKinds:
    """Finds the kind that a title names.

    Args:
        titles: {kind: titles}, the table.
        words: {kind: words}, one of which in a longer title names the kind.
    """

    def __init__(self, titles: Mapping[str, Iterable[str]], words: Mapping[str, Iterable[str]]):
        self._kinds = {normal_title(title): kind for kind, own in titles.items() for title in own}
        self._words = {word: kind for kind, own in words.items() for word in own}
        self.names = (*dict.fromkeys([*titles, OTHER, UNTITLED]),)

    def known(self, title: str) -> str | None:
        """Returns the kind of a title that stands in the table as it is, or None."""
        return self._kinds.get(normal_title(title))

    def kind_of(self, title: str) -> str:
        """Returns the kind that a title names; "other" if none."""
        found = self.known(title)
        if found is None:
            words = reversed(normal_title(title).split())
            found = next((self._words[word] for word in words if word in self._words), OTHER)
        return found

    def extended(self, titles: Mapping[str, Iterable[str]]) -> "SectionKinds":
        """Returns the table with more titles or kinds; a title that it has gets the new kind."""
        made = SectionKinds({}, {})
        more = {normal_title(title): kind for kind, own in titles.items() for title in own}
        made._kinds = self._kinds | more
        made._words = dict(self._words)
        made.names = (*dict.fromkeys([*titles, *self.names]),)
        return made

    def check(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """Returns kinds by the names of the table; `_` may stand for a space.

        Raises:
            ValueError: one is not in the table; lists what is.
        """
        asked = tuple(kind.strip().replace("_", " ").casefold() for kind in kinds)
        unknown = [kind for kind in asked if kind not in self.names]
        if unknown:
            raise ValueError(
                f"Expected kinds of section among {', '.join(sorted(self.names))}; received "
                f"{', '.join(unknown)}. Correct the name or extend the table."
            )
        return asked


def read_kinds(path: str) -> SectionKinds:
    """Reads a table that extends the package's: JSON, {kind: [title, ...]}.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not such a table.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            table = json.load(file)
    except ValueError:
        table = None
    sound = isinstance(table, dict) and all(
        kind.strip() and isinstance(own, list) and all(isinstance(title, str) for title in own)
        for kind, own in table.items()
    )
    if not sound:
        raise ValueError(
            f"{path}: expected JSON with the titles of each kind of section, received something "
            'else. Write {"kind": ["title", "another title"], ...} in UTF-8.'
        )
    return KINDS.extended({kind.strip().casefold(): own for kind, own in table.items()})


def _package_kinds() -> SectionKinds:
    path = os.path.join(os.path.dirname(__file__), _TABLE)
    with open(path, encoding="utf-8") as file:
        return SectionKinds(json.load(file), _WORDS)


KINDS = _package_kinds()

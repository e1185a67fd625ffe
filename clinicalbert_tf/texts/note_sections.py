"""Notes restricted to some kinds of section, such as medications."""

from collections.abc import Collection, Iterable

from tfrecords_builder.text import segments
from tfrecords_builder.text.section_kinds import KINDS


def section_kinds(names: str | Iterable[str]) -> tuple[str, ...]:
    """Returns kinds of section by the names that the builder's table has.

    Args:
        names: one or several, separated by commas; `_` may stand for a space.

    Raises:
        ValueError: one is unknown; lists what is known.
    """
    if isinstance(names, str):
        names = names.split(",")
    return tuple(dict.fromkeys(KINDS.check(name for name in names if name.strip())))


def section_spans(text: str, kinds: Collection[str]) -> list[tuple[int, int]]:
    """Returns (start, end) of a note's sections of some kinds, in characters of the note.

    Neighbours are joined; [] if the note has no such section.
    """
    return segments.of_kinds(text, kinds)


def sections_only(text: str, kinds: Collection[str]) -> str:
    """Returns a note's sections of some kinds, titles included, in order; "" if it has none."""
    return segments.restrict(text, kinds)

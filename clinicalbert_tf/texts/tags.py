"""Tags of words: BIO, its relatives BIOES and IOB1, and which tag may follow which.

A tag is O, or a prefix with the entity's type behind a hyphen (B-problem, I-LOCATION-OTHER); B and
I alone are tags of an entity without a type.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

SCHEMES = ("BIO", "BIOES", "IOB1")
# L and U are BILOU's names for E and S.
_TAG = re.compile(r"([BIESLU])(?:-(\S+))?")
_ENDING = {"E", "S", "L", "U"}


def split_tag(tag: str) -> tuple[str, str]:
    """Returns a tag's prefix and type, ("O", "") for O.

    Raises:
        ValueError: it is no tag.
    """
    if tag == "O":
        return "O", ""
    match = _TAG.fullmatch(tag)
    if match is None:
        raise ValueError("Expected O or a tag like B-TYPE, received another label.")
    return match.group(1), match.group(2) or ""


def join_tag(prefix: str, kind: str) -> str:
    """The tag of a prefix and a type; the prefix alone if there is no type."""
    return f"{prefix}-{kind}" if kind else prefix


def find_scheme(sentences: Iterable[Sequence[str]]) -> str:
    """The scheme that sentences of tags are written in, one of SCHEMES.

    BIOES if an entity's end or a single word is marked; IOB1 if entities begin with I- and B- only
    stands behind a word of the same type; BIO otherwise.
    """
    begins_with_i, b_elsewhere = False, False
    for tags in sentences:
        previous = ("O", "")
        for tag in map(split_tag, tags):
            if tag[0] in _ENDING:
                return "BIOES"
            touching = previous[0] != "O" and previous[1] == tag[1]
            if tag[0] == "B":
                b_elsewhere |= not touching
            elif tag[0] == "I":
                begins_with_i |= not touching
            previous = tag
    return "IOB1" if begins_with_i and not b_elsewhere else "BIO"


def to_bio(tags: Sequence[str], scheme: str = "BIO") -> tuple[list[str], int]:
    """Returns tags in BIO.

    Args:
        tags: the tags of one sentence.
        scheme: one of SCHEMES.

    Returns:
        tags: O, B- and I- only; an entity that begins with I- begins with B-.
        repaired: how many I- began an entity where the scheme allows none.
    """
    result: list[str] = []
    repaired = 0
    previous, closed = ("O", ""), True
    for prefix, kind in map(split_tag, tags):
        if prefix == "O":
            result.append("O")
        else:
            continues = previous[0] != "O" and previous[1] == kind and not closed
            begins = prefix in ("B", "S", "U") or not continues
            repaired += begins and prefix in ("I", "E", "L") and scheme != "IOB1"
            result.append(join_tag("B" if begins else "I", kind))
        previous, closed = (prefix, kind), prefix in _ENDING
    return result, repaired


def allowed_transitions(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which label may begin a sentence and which may follow another.

    Args:
        labels: the labels by id; O, B- and I- tags.

    Returns:
        begin: bool [labels].
        follow: bool [labels, labels], row: the earlier label.
    """
    tags = [split_tag(label) for label in labels]
    begin = np.array([prefix != "I" for prefix, _ in tags], bool)
    follow = np.array(
        [
            [later[0] != "I" or (earlier[0] in "BI" and earlier[1] == later[1]) for later in tags]
            for earlier in tags
        ],
        bool,
    )
    return begin, follow.reshape(len(tags), len(tags))

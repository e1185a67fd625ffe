"""Everything that was removed once, removed everywhere in the note."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from clinicalbert_tf.deidentification.found import Found, is_name

# A shorter code may be a dose or a blood pressure elsewhere in the note.
MIN_CHARACTERS = 5
# Chinese and Japanese are written without spaces: beside their characters a word ends.
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_ideographs = re.compile(f"[{_IDEOGRAPHS}]+")
# An accent may be a character of its own behind its letter.
WORD = re.compile(
    rf"[^\W_{_IDEOGRAPHS}]+(?:[\u0300-\u036f]+[^\W_{_IDEOGRAPHS}]*)*|[{_IDEOGRAPHS}]+"
)
# An age or a profession alone is no identifier: it is found again where it is one.
_ONLY_BY_RULE = frozenset(("AGE", "PROFESSION"))
_NEVER = frozenset((
    "dr", "drs", "mr", "mrs", "ms", "md", "phd", "rn", "np", "pa", "do", "the", "and", "or", "of",
    "st", "jr", "sr", "ii", "iii", "von", "van", "der", "de", "del", "la", "le", "da", "di",
    "san",
))  # fmt: skip
# Surnames and first names that are also words: repeated only where they begin with a capital.
_ALSO_WORDS = frozenset((
    "young", "long", "short", "small", "strong", "brown", "white", "black", "green", "gray",
    "grey", "rose", "may", "april", "june", "august", "grace", "hope", "faith", "joy", "will",
    "bill", "mark", "frank", "rich", "art", "dean", "king", "price", "page", "fields", "rivers",
    "woods", "wood", "stone", "hill", "hall", "ford", "banks", "bush", "fox", "wolf", "lamb",
    "bird", "fish", "cook", "baker", "butler", "carter", "mason", "miller", "cooper", "weaver",
    "fisher", "shepherd", "walker", "hunter", "bishop", "pope", "day", "love", "light", "head",
    "foot", "hand", "heart", "back", "blood", "bone", "power", "best", "good", "early",
    "christian", "sterling", "christmas", "winter", "summer", "snow", "frost", "rain", "field",
    "brook", "lake", "march", "case", "chance", "clay", "cole", "dale", "drew", "gene", "glen",
    "grant", "guy", "jack", "jean", "jay", "josh", "lane", "lee", "max", "miles", "nick", "norm",
    "pat", "ray", "rob", "rod", "rusty", "sandy", "skip", "sky", "stern", "sue", "ty", "wade",
    "webb", "west", "east", "north", "south", "street", "parish", "church", "temple", "moon",
    "sun", "star", "starr", "drop", "hurt", "payne", "pain", "pill", "ruth", "daisy", "lily",
    "ivy", "violet", "crystal", "amber", "ruby", "pearl", "opal", "jewel", "dawn", "autumn",
    "robin", "jackson",
))  # fmt: skip


def find(text: str, removed: Iterable[Found]) -> list[Found]:
    """Returns further places of what was removed.

    Each word of a name is looked for by itself, in any letter case and with or without accents (a
    name that is also a word: with a capital); of other types the whole text, if it has at least 5
    letters and digits: in any letter case if it has a digit or several words, else as it is and
    with a capital. Words are never cut; names in Chinese or Japanese characters are found within
    them, as these are written without spaces.

    Args:
        text: the note.
        removed: what was found so far.
    """
    names, phrases = _wanted(text, removed)
    return [
        Found(start, end, label, "repeat") for start, end, label in _places(text, names, phrases)
    ]


def exact(text: str, labels: Mapping[str, str]) -> Iterator[tuple[str, int, int]]:
    """Yields (label, start, end) of texts that stand in a note as whole words, case as it is.

    Args:
        text: the note.
        labels: text -> label; one without letters and digits is not looked for.
    """
    by_word: dict[str, list[tuple[str, int, str]]] = {}
    for phrase, label in labels.items():
        match = WORD.search(phrase)
        if match:
            by_word.setdefault(match[0], []).append((phrase, match.start(), label))
    for match in WORD.finditer(text):
        for phrase, lead, label in by_word.get(match[0], ()):
            start = match.start() - lead
            end = start + len(phrase)
            if start >= 0 and text[start:end] == phrase and _is_whole(text, start, end):
                yield label, start, end


def words(text: str) -> list[str]:
    """Returns the runs of letters and digits of a text."""
    return WORD.findall(text)


def _wanted(text: str, removed: Iterable[Found]):
    """Returns (name word in lower case -> label, first word in lower case -> phrases)."""
    names: dict[str, str] = {}
    # A phrase: its text, where its first word stands in it, whether its letter case counts.
    phrases: dict[str, dict[tuple[str, int, bool], str]] = {}
    for span in removed:
        piece = text[span.start : span.end]
        words = WORD.findall(piece)
        if is_name(span.label):
            for word in words:
                if len(word) > 1 and word.lower() not in _NEVER and not word.isdigit():
                    names.setdefault(without_accents(word), span.label)
        elif sum(map(len, words)) >= MIN_CHARACTERS and span.label not in _ONLY_BY_RULE:
            one_word = len(words) == 1 and not any(c.isdigit() for c in piece)
            if not one_word or (words[0][0].isupper() and span.label != "DATE"):
                wanted = piece if one_word else piece.lower()
                key = (wanted, piece.index(words[0]), one_word)
                phrases.setdefault(words[0].lower(), {}).setdefault(key, span.label)
    return names, phrases


def _places(text: str, names: dict, phrases: dict) -> Iterator[tuple[int, int, str]]:
    for name, label in names.items():
        if len(name) > 1 and _ideographs.fullmatch(name):
            for match in re.finditer(name, text):
                yield *match.span(), label
    for match in WORD.finditer(text):
        word = match[0].lower()
        start, end = match.span()
        name = names.get(without_accents(word))
        if name and _is_name_here(match[0]):
            yield start, end, name
        for (phrase, lead, case_counts), label in phrases.get(word, {}).items():
            begin, end = start - lead, start - lead + len(phrase)
            piece = text[max(begin, 0) : end]
            same = piece == phrase if case_counts else piece.lower() == phrase
            if begin >= 0 and same and _is_whole(text, begin, end):
                yield begin, end, label


def without_accents(word: str) -> str:
    """Returns a word in lower case without accents: José and JOSE are one name."""
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c))


def _is_name_here(word: str) -> bool:
    if word[0].isupper():
        return len(word) > 2 or not word.isupper() or word.isalpha()
    return len(word) > 3 and word.lower() not in _ALSO_WORDS


def _is_whole(text: str, start: int, end: int) -> bool:
    left = start > 0 and _joined(text[start - 1], text[start])
    right = end < len(text) and _joined(text[end - 1], text[end])
    return not left and not right


def _joined(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and not _ideographs.search(left + right)

"""From text to the words that WordPiece splits: cleaning, lower-casing, punctuation, CJK.

The rules are tables for str.translate, one entry a character, filled when a character is first
met: a few passes in C over the text instead of a loop over its characters.

Source: BERT (Devlin et al. 2018), tokenization.py, BasicTokenizer.
"""

import re
import unicodedata
from collections.abc import Callable

_CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)

# str.split() breaks at these; the reference removes them first, which joins what they separate.
CONTROLS_TAKEN_FOR_BLANKS = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
# The words of printable ASCII, where every sign is punctuation and nothing is removed.
_ASCII_WORDS = re.compile(r"[0-9A-Za-z]+|[!-~]")

Span = tuple[int, int]


def split_at_blanks(text: str) -> list[str]:
    """The parts of `text` between white space; tokenizing each part is tokenizing the text."""
    # isprintable() is several times faster than the search and true of nearly all sentences.
    if not text.isprintable():
        text = CONTROLS_TAKEN_FOR_BLANKS.sub("", text)
    return text.split()


def _is_removed(char: str) -> bool:
    if char in "\t\n\r":
        return False
    return char in "\0\ufffd" or unicodedata.category(char) in ("Cc", "Cf")


def _is_whitespace(char: str) -> bool:
    return char in " \t\n\r" or unicodedata.category(char) == "Zs"


def _is_cjk(code: int) -> bool:
    return any(first <= code <= last for first, last in _CJK_RANGES)


def _is_punctuation(char: str) -> bool:
    # All of ASCII's signs, also those that Unicode calls symbols ($ + < = > ^ ` | ~).
    if "!" <= char <= "~":
        return not char.isalnum()
    return unicodedata.category(char).startswith("P")


class _CharacterTable(dict):
    """A table for str.translate that is filled by a rule, a character when it is first met."""

    def __init__(self, rule: Callable[[str], str]):
        super().__init__()
        self._rule = rule

    def __missing__(self, code: int) -> str:
        self[code] = replacement = self._rule(chr(code))
        return replacement


def _clean(char: str) -> str:
    if _is_removed(char):
        return ""
    if _is_whitespace(char):
        return " "
    return f" {char} " if _is_cjk(ord(char)) else char


def _separate(char: str) -> str:
    return f" {char} " if _is_punctuation(char) else char


def _strip_accent_and_separate(char: str) -> str:
    return "" if unicodedata.category(char) == "Mn" else _separate(char)


class BasicTokenizer:
    """Text to words: cleaned, split at white space, punctuation and CJK, optionally lower case.

    Args:
        do_lower_case: whether to lower-case and to strip accents.

    Attributes:
        cjk_ranges: (first, last) code points that are put between spaces.

    Source: BasicTokenizer of the BERT reference.
    """

    cjk_ranges = _CJK_RANGES

    def __init__(self, do_lower_case: bool):
        self.do_lower_case = do_lower_case
        self._cleaned = _CharacterTable(_clean)
        self._separated = _CharacterTable(
            _strip_accent_and_separate if do_lower_case else _separate
        )

    def tokenize(self, text: str) -> list[str]:
        """The words of `text`."""
        if text.isascii() and text.isprintable():
            return _ASCII_WORDS.findall(text.lower() if self.do_lower_case else text)
        text = text.translate(self._cleaned)
        if self.do_lower_case:
            text = unicodedata.normalize("NFD", text.lower())
        return text.translate(self._separated).split()

    def replacement(self, char: str, separate: bool = True) -> str:
        """What becomes of a character in `tokenize`, whatever stands beside it.

        Args:
            char: one character. A capital sigma is taken for one within a word.
            separate: whether punctuation is put between spaces.

        Returns:
            Characters and spaces (for all white space); "" for one that is removed.
        """
        text = char.translate(self._cleaned)
        if self.do_lower_case:
            text = unicodedata.normalize("NFD", text.lower())
        if separate:
            text = text.translate(self._separated)
        elif self.do_lower_case:
            text = "".join(c for c in text if not self.strips(c))
        return "".join(" " if c.isspace() else c for c in text)

    def normalize_with_spans(self, text: str) -> list[tuple[str, Span]]:
        """Cleans (and lower-cases) a text without splitting it or stripping accents yet.

        Returns:
            Each character with the (start, end) in `text` that it comes from.
        """
        chars = [
            (char, (index, index + 1))
            for index, original in enumerate(text)
            for char in self._cleaned[ord(original)]
        ]
        return _normalize_with_spans(_lower_with_spans(chars)) if self.do_lower_case else chars

    def strips(self, char: str) -> bool:
        """Tells whether a character of normalized text is an accent that is stripped."""
        return not self._separated[ord(char)]

    def tokenize_with_spans(self, text: str) -> list[tuple[str, list[Span]]]:
        """The words of `text`, each with one (start, end) in `text` a character of the word.

        An accent stripped from a character belongs to that character's span.
        """
        chars = self.normalize_with_spans(text)
        words: list[tuple[list[str], list[Span]]] = []
        in_word = False
        for char, span in chars:
            separated = self._separated[ord(char)]
            if not separated:
                if in_word:
                    start, end = words[-1][1][-1]
                    words[-1][1][-1] = (min(start, span[0]), max(end, span[1]))
            elif separated.isspace():
                in_word = False
            else:
                if not in_word or len(separated) > 1:
                    words.append(([], []))
                words[-1][0].append(char)
                words[-1][1].append(span)
                in_word = len(separated) == 1
        return [("".join(word), spans) for word, spans in words]


def _lower_with_spans(chars: list[tuple[str, Span]]) -> list[tuple[str, Span]]:
    # The whole text is lowered at once: a sigma's form depends on its neighbours. Lengths do not.
    lowered = "".join(char for char, _ in chars).lower()
    spans = [span for char, span in chars for _ in char.lower()]
    return list(zip(lowered, spans, strict=True))


def _normalize_with_spans(chars: list[tuple[str, Span]]) -> list[tuple[str, Span]]:
    """NFD: each character decomposed, then runs of combining marks in canonical order."""
    result: list[tuple[str, Span]] = []
    marks: list[tuple[str, Span]] = []
    for original, span in chars:
        for char in unicodedata.normalize("NFD", original):
            if unicodedata.combining(char):
                marks.append((char, span))
                continue
            result += sorted(marks, key=lambda mark: unicodedata.combining(mark[0]))
            marks.clear()
            result.append((char, span))
    return result + sorted(marks, key=lambda mark: unicodedata.combining(mark[0]))

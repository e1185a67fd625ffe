r"""Raw text to words with exact offsets: text[start:end] is the word, whatever the text holds.

The rules differ in what stays together; no rule joins what white space separates, and every
character that is not white space is in exactly one word.

| rule | words of `Na+ 61-year-old, 5mg on 3/17/97.` |
|---|---|
| whitespace | `Na+` `61-year-old,` `5mg` `on` `3/17/97.` |
| edges | `Na` `+` `61-year-old` `,` `5mg` `on` `3/17/97` `.` |
| punctuation | `Na` `+` `61` `-` `year` `-` `old` `,` `5mg` `on` `3` `/` `17` `/` `97` `.` |
| clinical | `Na` `+` `61` `-` `year` `-` `old` `,` `5` `mg` `on` `3/17/97` `.` |
"""

import itertools
import re
from collections.abc import Iterable, Iterator

WORD_RULES = ("whitespace", "edges", "punctuation", "clinical")
# BERT's tokenizer makes a word of each Chinese character.
_CJK = (
    "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f"
)
# Accents of their own, joiners and soft hyphens belong to the letter before them.
_MARKS = (
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u200b-\u200d\u00ad\ufeff"
)
_LETTER = rf"[^\W_{_CJK}]"
_RUN = rf"{_LETTER}(?:{_LETTER}|[{_MARKS}])*"
_SINGLE = r"\S"
_UNITS = (
    "mcg|mg|kg|ug|g|ml|dl|l|iu|units?|meq|mmol|mm|cm|hrs?|h|mins?|min|days?|d|wks?|weeks?|months?|"
    "yrs?|yo|bpm|mmhg|x"
)
_DATE = r"\d{1,4}[/-]\d{1,2}[/-]\d{2,4}|\d{1,2}/\d{1,2}"
_NUMBER = r"\d+(?:[.,]\d+)*"
_PATTERNS = {
    "whitespace": re.compile(r"\S+"),
    "punctuation": re.compile(f"{_RUN}|{_SINGLE}"),
    "clinical": re.compile(
        rf"(?<![^\W_])(?:{_DATE})(?![^\W_])"
        rf"|(?<![^\W_]){_NUMBER}(?=(?:{_UNITS})(?![^\W_]))"
        rf"|(?<![^\W_]){_NUMBER}(?![^\W_])"
        f"|{_RUN}|{_SINGLE}",
        re.IGNORECASE,
    ),
}
# More words than this that a rule would divide say that the data does not follow it.
_FEW = 0.005


def check_word_rule(rule: str) -> str:
    """Returns the rule.

    Raises:
        ValueError: it is none of WORD_RULES.
    """
    if rule not in WORD_RULES:
        raise ValueError(
            f"Expected a word rule, one of {', '.join(WORD_RULES)}, received {rule!r}."
        )
    return rule


def split_words(text: str, rule: str = "punctuation") -> Iterator[tuple[int, int]]:
    """The words of a text as (start, end), in order.

    Args:
        text: any text.
        rule: one of WORD_RULES.

    Raises:
        ValueError: there is no such rule.
    """
    if check_word_rule(rule) == "edges":
        return _split_at_edges(text)
    return (match.span() for match in _PATTERNS[rule].finditer(text))


def _split_at_edges(text: str) -> Iterator[tuple[int, int]]:
    for match in _PATTERNS["whitespace"].finditer(text):
        begin, end = match.span()
        inner = [m.span() for m in _PATTERNS["punctuation"].finditer(text, begin, end)]
        runs = [place for place, (a, _) in enumerate(inner) if text[a].isalnum()]
        if not runs:
            yield from inner
            continue
        first, last = runs[0], runs[-1]
        yield from inner[:first]
        yield inner[first][0], inner[last][1]
        yield from inner[last + 1 :]


def rule_of(words: Iterable[str], most: int = 20_000) -> str:
    """The rule that data which is already in words follows.

    Args:
        words: words of the training data.
        most: how many are looked at.

    Returns:
        "punctuation" if nearly no word holds punctuation with other characters, "edges" if nearly
        none begins or ends with it, else "whitespace".
    """
    counts = dict.fromkeys(("punctuation", "edges"), 0)
    total = 0
    for word in itertools.islice(words, most):
        total += 1
        for rule in counts:
            counts[rule] += sum(1 for _ in split_words(word, rule)) > 1
    for rule, count in counts.items():
        if count <= _FEW * total:
            return rule
    return "whitespace"

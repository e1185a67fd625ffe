"""Tokens that are found in the text itself, before it is split into words.

Users of other tools add such tokens to a vocabulary: [DOSE], @GENE$, covid19. Cleaning and
punctuation would take most of them apart, so they are looked for first.

Source: AddedVocabulary of Hugging Face's tokenizers, whose splits these are.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Sequence


@dataclasses.dataclass(frozen=True)
class AddedToken:
    """One added token.

    Attributes:
        content: the token as it was added.
        id: its row.
        normalized: whether it is looked for in cleaned (and lower-cased) text, itself treated in
            the same way, instead of in the text as it stands.
        single_word: whether it counts only between characters that are no letters or digits.
        in_vocabulary: whether its row is a wordpiece of the vocabulary as well.
    """

    content: str
    id: int
    normalized: bool = False
    single_word: bool = False
    in_vocabulary: bool = False


class TokenFinder:
    """Finds added tokens in texts, the longest of the leftmost ones first.

    Args:
        tokens: the tokens, all of them normalized or all not.
        normalize: what is done to a normalized token's content, or None.
    """

    def __init__(self, tokens: Sequence[AddedToken], normalize: Callable[[str], str] | None = None):
        pairs = [(normalize(t.content) if normalize else t.content, t) for t in tokens]
        self._tokens = {content: token for content, token in pairs if content}
        contents = sorted(self._tokens, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, contents))) if contents else None

    def pieces(self) -> dict[str, int]:
        """Returns {the text that a token is found as: its id}."""
        return {content: token.id for content, token in self._tokens.items()}

    def split(self, text: str) -> Iterator[tuple[int, int, int | None]]:
        """Yields (start, end, id) of all parts of a text in order; id is None between tokens."""
        done = 0
        for match in self._pattern.finditer(text) if self._pattern else ():
            start, end = match.span()
            token = self._tokens[match.group()]
            if token.single_word and _touches_word(text, start, end):
                continue
            if done < start:
                yield done, start, None
            yield start, end, token.id
            done = end
        if done < len(text):
            yield done, len(text), None


def _touches_word(text: str, start: int, end: int) -> bool:
    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    return any(char.isalnum() or char == "_" for char in before + after)


def check_added_tokens(tokens: Iterable[AddedToken], rows: Sequence[str]) -> None:
    """Checks that added tokens are rows of a vocabulary.

    Raises:
        ValueError: a token's row holds something else; names the token.
    """
    for token in tokens:
        if not 0 <= token.id < len(rows) or rows[token.id] != token.content:
            raise ValueError(
                f"Expected the added token {token.content!r} in row {token.id} of the vocabulary, "
                f"found {len(rows)} rows and another there. Give the vocabulary of this model."
            )

"""Chinese notes: which characters they are written with, and their titles.

Chinese text has no spaces and marks of its own: `：` behind a title, `【】` around one.
"""

import re

# Ideographs, CJK punctuation and full-width forms: written without spaces between them.
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
CHARACTERS = _IDEOGRAPHS + "\u3000-\u303f\uff00-\uffef"
_character = re.compile(f"[{CHARACTERS}]")
# A title of up to 16 characters, one of them an ideograph, at the beginning of a line.
_title = re.compile(
    rf"^[^\S\n]*(?:(?:[（(]?[一二三四五六七八九十\d]{{1,3}}[)）]?[、.．])?"
    rf"(?=[^\n：:]{{0,15}}[{_IDEOGRAPHS}])([^\s：:。！？；，、【】]{{1,16}}[：:])|【([^【】\n]{{1,30}})】)",
    re.MULTILINE,
)


def is_character(character: str) -> bool:
    """Whether a character is one that Chinese text is written with, punctuation included."""
    return _character.match(character) is not None


def columns(text: str) -> int:
    """Returns how wide a text is printed: Chinese characters take two columns, others one."""
    return len(text) if text.isascii() else len(text) + len(_character.findall(text))


def holds_titles(text: str) -> bool:
    """Whether a text may begin a line with a Chinese title."""
    return not text.isascii() and ("：" in text or "【" in text or _title.search(text) is not None)


def title_of(text: str) -> str | None:
    """Returns the Chinese title that a text begins with, without its marks, or None."""
    match = None if text.isascii() else _title.match(text)
    return (match[1] or match[2]).rstrip("：:") if match else None


def split_at_titles(block: str) -> list[str]:
    """Cuts before each line that begins with a Chinese title; what stands behind it stays there."""
    starts = [match.start() for match in _title.finditer(block)]
    places = sorted({0, *starts})
    cut = [block[start:end].strip() for start, end in zip(places, [*places[1:], None], strict=True)]
    return list(filter(None, cut))

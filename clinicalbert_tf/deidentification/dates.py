"""Dates as notes write them: found, and shifted without changing their form."""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_ABBREVIATIONS = {name[:3]: i for i, name in enumerate(MONTHS, 1)} | {"sept": 9}
_MONTH = (
    r"(?P<month_name>January|February|March|April|May|June|July|August|September|October|November"
    r"|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![A-Za-z])"
)
_MONTH_AGAIN = _MONTH.replace("?P<month_name>", "?:")
_YEAR = r"(?P<year>(?:18|19|20|21)[0-9]{2})"
_ANY_YEAR = r"(?P<year>(?:18|19|20|21)[0-9]{2}|'?[0-9]{2})"
_MONTH_NUMBER = r"(?P<month>0?[1-9]|1[0-2])"
_DAY = r"(?P<day>0?[1-9]|[12][0-9]|3[01])"
# Hyphens, minus and dashes look alike in notes and are typed alike.
_SEPARATOR = r"\s?(?P<separator>[-‐‑‒–—−./])\s?"
_AGAIN = r"\s?(?P=separator)\s?"
_BEFORE = r"(?<![0-9A-Za-z])(?<![0-9][./-])"
_AFTER = r"(?![0-9])(?![./-][0-9])"
_ORDINAL = r"(?P<ordinal>st|nd|rd|th)?"


def _compile(pattern: str) -> re.Pattern:
    return re.compile(_BEFORE + pattern, re.IGNORECASE)


_DAY_MONTH_YEAR = rf"{_DAY}{_SEPARATOR}{_MONTH_NUMBER}{_AGAIN}{_ANY_YEAR}{_AFTER}"
_DAY_FIRST = _compile(_DAY_MONTH_YEAR)
_THREE_NUMBERS = re.compile(
    rf"(?P<first>[0-9]{{1,2}}){_SEPARATOR}(?P<second>[0-9]{{1,2}}){_AGAIN}(?:[0-9]{{4}}|[0-9]{{2}})"
)
# Every pattern with enough to be a date without context; the first that fits at a place counts.
DATES = tuple(
    _compile(pattern)
    for pattern in (
        rf"{_YEAR}{_SEPARATOR}{_MONTH_NUMBER}{_AGAIN}{_DAY}(?![0-9])",
        rf"{_MONTH_NUMBER}{_SEPARATOR}{_DAY}{_AGAIN}{_ANY_YEAR}{_AFTER}",
        _DAY_MONTH_YEAR,
        rf"{_YEAR}(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12][0-9]|3[01])(?![0-9])",
        rf"{_DAY}{_ORDINAL}[-\s./]?\s?(?:of\s)?{_MONTH}\.?,?[-\s./]?\s?{_ANY_YEAR}(?![0-9:])",
        rf"{_MONTH}\.?[-\s]?{_DAY}{_ORDINAL}(?:\s?,\s?|\s|-){_ANY_YEAR}(?![0-9:])",
        rf"{_MONTH}\.?\s{{1,2}}{_DAY}{_ORDINAL}(?![0-9A-Za-z:/])",
        rf"{_DAY}{_ORDINAL}(?:-|\s(?:of\s)?){_MONTH}",
        rf"{_MONTH}\.?,?\s?(?:of\s)?(?:{_YEAR}|'(?P<short>[0-9]{{2}}))(?![0-9])",
        rf"{_MONTH_NUMBER}/{_YEAR}(?![0-9/])",
    )
)
_PAIR = rf"{_MONTH_NUMBER}/{_DAY}"
_ANY_PAIR = r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])"
_NUMERIC = r"[0-9]{1,2}(?P<mark>[/.])[0-9]{1,2}(?P=mark)(?:[0-9]{4}|[0-9]{2})"
_NO_DATE_BEHIND = (
    r"(?![0-9/])(?!\s?(?:tab|pill|cap|dose|strength|sem\b|systolic|murmur|cup|of\b|in\b|ml|cc|mg"
    r"|pain|%))"
)
_LEAD = (
    r"\b(?:on|since|from|until|till|dated?|by|between|seen|admitted|discharged|through|after|before|dob"
    r"|born|visit|(?:sun|mon|tues|wednes|thurs|fri|satur)day|mon|tues?|wed|thurs?|fri)\s?[:,.]?\s{0,2}"
)
_NUMBERS = r"[0-9]{1,2}[/.][0-9]{1,2}"
_TO = r"\s?(?:[-–—]|to|through|thru|until)\s?"
_NEXT = r"(?:\s?[-–—&,]\s?|\s?,?\s(?:to|and|through|thru|until)\s)"
# Without a year a pair of numbers is a date only behind such a word: 3/4 may be a strength. Each
# pair of a list is a date: "on 3/4, 3/5 and 3/6".
_LISTED = re.compile(
    rf"{_LEAD}(?P<list>{_ANY_PAIR}(?:{_NEXT}{_ANY_PAIR}){{0,5}}){_NO_DATE_BEHIND}", re.IGNORECASE
)
_ONE_PAIR = re.compile(rf"(?<![0-9]){_PAIR}(?![0-9])")
# Ranges such as "3/4-3/9/20" and "3/4/20-3/9/20", and what the place in the note tells.
IN_CONTEXT = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"(?<![0-9/.])(?P<date>{_PAIR})(?={_TO}{_NUMBERS}/(?:[0-9]{{4}}|[0-9]{{2}})(?![0-9/]))",
        rf"(?<![0-9/.])(?P<date>{_NUMERIC})(?={_TO}{_NUMBERS}[/.][0-9]{{2}})",
        rf"(?<=[0-9][-–—])(?P<date>{_NUMERIC})(?![0-9/])",
        rf"(?<=[0-9]/)(?P<date>{_YEAR}-[0-9]{{2}}-[0-9]{{2}})(?![0-9])",
        rf"\b(?P<date>{_MONTH}\.?\s{_DAY}\s?[-–—]\s?(?:{_MONTH_AGAIN}\.?\s)?[0-9]{{1,2}}(?:,?\s{_YEAR})?)(?![0-9/])",
        rf"(?<![0-9])(?P<date>[0-9]{{1,2}}\s?[-–—]\s?{_DAY}\s{_MONTH}(?:\s{_YEAR})?)(?![0-9])",
        rf"(?<![0-9/])(?P<date>{_PAIR})(?=,?\s{{1,2}}(?:at\s)?[0-9]{{1,2}}:[0-9]{{2}}(?![0-9]))",
        rf"^[ \t]{{0,8}}(?P<date>{_PAIR})(?=\s?[:–]|\s-\s)",
        r"\b(?:in|since|year|of|until|from|circa|during|before|after|summer|winter|spring|fall)\s+"
        rf"(?P<date>{_YEAR})(?![0-9%/])(?!\s?(?:mg|ml|cc|units|steps|kcal|calories))",
    )
)


@dataclass(frozen=True)
class Parts:
    """Where in a date its parts stand: (start, end) offsets, None if it has none."""

    year: tuple[int, int] | None
    month: tuple[int, int] | None
    day: tuple[int, int] | None
    month_is_name: bool
    ordinal: tuple[int, int] | None


def find(text: str) -> list[tuple[int, int]]:
    """Returns the ranges of dates, those of longer patterns first; they may overlap."""
    found: list[tuple[int, int]] = []
    for pattern in DATES:
        for match in pattern.finditer(text):
            if not _is_word(match):
                found.append(match.span())
    for match in _LISTED.finditer(text):
        found += [m.span() for m in _ONE_PAIR.finditer(text, *match.span("list"))]
    for pattern in IN_CONTEXT:
        found += [m.span("date") for m in pattern.finditer(text) if not _is_word(m)]
    return found


def _is_word(match: re.Match) -> bool:
    """Says whether a month is a word: not "may 5 times"; "mar" and the like need a capital."""
    name = match.groupdict().get("month_name")
    return bool(name) and name.islower() and len(name) <= 4 and name != "july"


def are_day_first(dates: Iterable[str]) -> bool:
    """Says whether a note writes days before months: 25/12/2020 does, and nothing is 12/25/2020."""
    orders = set()
    for date in dates:
        match = _THREE_NUMBERS.fullmatch(date)
        if match:
            first, second = int(match["first"]), int(match["second"])
            if (first > 12) != (second > 12):
                orders.add(first > 12)
    return orders == {True}


def shift(date: str, days: int, day_first: bool = False) -> str | None:
    """Returns a date moved by a number of days, in the form it was written in.

    Two-digit years stay two-digit ones. A date without a year moves as in 2001, one without a day
    as if it were the 15th, a year alone as if it were July 2.

    Args:
        date: a text that `find` found (or another).
        days: how far; positive is later.
        day_first: whether 5/12/2020 is the fifth of December, where both could be meant.

    Returns:
        The new text, or None if the text is no date or the new one lies outside the years 1 to
        9999.
    """
    for parts in _readings(date, day_first):
        moved = _shift(date, parts, days)
        if moved is not None:
            return moved
    return None


def _readings(date: str, day_first: bool):
    bare = re.fullmatch(_YEAR, date)
    if bare:
        yield Parts(bare.span("year"), None, None, False, None)
        return
    pair = re.fullmatch(f"{_DAY}/{_MONTH_NUMBER}", date) if day_first else None
    pair = pair or re.fullmatch(f"{_MONTH_NUMBER}/{_DAY}", date)
    if pair:
        yield Parts(None, pair.span("month"), pair.span("day"), False, None)
    for pattern in (_DAY_FIRST, *DATES) if day_first else DATES:
        match = pattern.fullmatch(date)
        if match:
            groups = match.groupdict()
            spans = {n: match.span(n) for n in groups if groups[n]}
            yield Parts(
                spans.get("year", spans.get("short")),
                spans.get("month_name", spans.get("month")),
                spans.get("day"),
                "month_name" in spans,
                spans.get("ordinal"),
            )


def _shift(date: str, parts: Parts, days: int) -> str | None:
    year = 2001
    if parts.year:
        digits = date[slice(*parts.year)].lstrip("'")
        year = int(digits) if len(digits) == 4 else 2000 + int(digits)
    month = _month_number(date[slice(*parts.month)]) if parts.month else 7
    day = int(date[slice(*parts.day)]) if parts.day else (15 if parts.month else 2)
    if parts.year is None and (month, day) == (2, 29):
        year = 2000
    try:
        moved = datetime.date(year, month, day) + datetime.timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    changes, width = [], _width(date, parts)
    if parts.year:
        old = date[slice(*parts.year)]
        new = f"{moved.year:04d}" if len(old.lstrip("'")) == 4 else f"{moved.year % 100:02d}"
        changes.append((parts.year, "'" * old.startswith("'") + new))
    if parts.month:
        old = date[slice(*parts.month)]
        new = _like(old, moved.month) if parts.month_is_name else f"{moved.month:0{width}d}"
        changes.append((parts.month, new))
    if parts.day:
        changes.append((parts.day, f"{moved.day:0{width}d}"))
    if parts.ordinal:
        changes.append((parts.ordinal, _ordinal(moved.day)))
    for (start, end), new in sorted(changes, reverse=True):
        date = date[:start] + new + date[end:]
    return date


def _month_number(text: str) -> int:
    return int(text) if text.isdigit() else _ABBREVIATIONS[text.lower()[:3]]


def _like(old: str, month: int) -> str:
    name = MONTHS[month - 1]
    # "May" is its own abbreviation: it stands for a long form.
    if len(old) <= 4 and old.lower() not in ("may", "june", "july"):
        name = name[:3]
    return name.upper() if old.isupper() else name if old.islower() else name.capitalize()


def _width(date: str, parts: Parts) -> int:
    """Returns the digits of months and days: 1 as in "1/5" and "January 15", 2 as in "01/05"."""
    numbers = [
        date[slice(*part)] for part in (parts.month, parts.day) if part and date[part[0]].isdigit()
    ]
    if any(len(number) == 1 for number in numbers):
        return 1
    if any(number.startswith("0") for number in numbers):
        return 2
    return 1 if parts.month_is_name and " " in date else 2


def _ordinal(day: int) -> str:
    if 10 <= day % 100 <= 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")

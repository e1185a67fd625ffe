"""Flags and ids as databases, pandas and spreadsheets export them."""

import decimal
import math
import re
from typing import Any

# Cells without a value, as pandas, PostgreSQL, R and DBeaver export them, in lower case.
_NO_VALUE = frozenset((
    "", "nan", "none", "null", "na", "n/a", "<na>", "\\n", "[null]", "(null)",
))  # fmt: skip
# What MIMIC, pandas, PostgreSQL and Excel write for a flag, in lower case; Excel's words are those
# of German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian, Finnish,
# Polish, Czech, Turkish, Russian, Hungarian, Romanian, Greek, Ukrainian and Estonian.
_TRUE = frozenset((
    "1", "true", "t", "yes", "y", "on", "wahr", "vrai", "verdadero", "vero", "verdadeiro", "waar",
    "sant", "sand", "sann", "tosi", "prawda", "pravda", "doğru", "истина", "igaz", "ja", "oui",
    "si", "sí", "sì", "sim", "adevărat", "αληθες", "істина", "tõene", "\1",
))  # fmt: skip
_FALSE = frozenset((
    "0", "false", "f", "no", "n", "off", "falsch", "faux", "falso", "onwaar", "falskt", "falsk",
    "usann", "epätosi", "fałsz", "nepravda", "yanliş", "yanlış", "ложь", "hamis", "nein", "nee",
    "nej", "nei", "non", "não", "fals", "ψευδες", "хибність", "väär", "\0", "-",
)) | _NO_VALUE  # fmt: skip
_decimal_flag = re.compile(r"[+-]?([01])(?:[.,]0+)?(?:e[+-]?0+)?\Z")
_wrapped_flag = re.compile(r"b?'(?:\\x0)?([01])'\Z")


def flag_of(value: Any) -> bool | None:
    """Returns whether a flag such as ISERROR is set, in any spelling known; None if in none.

    Args:
        value: text, bytes, a number, or None for an empty cell, which is not set.
    """
    if value is None or value is False or value == "":
        return False
    text = (value.decode("latin-1") if isinstance(value, bytes) else str(value)).strip().lower()
    # What databases put around numbers: MySQL's b'1' and byte of a BIT, Access' -1 for true.
    text = _wrapped_flag.sub(r"\1", text)
    # As a column of numbers with gaps is exported, with the decimal comma of many countries too.
    text = _decimal_flag.sub(r"\1", text)
    return True if text in _TRUE else False if text in _FALSE else None


def normal_id(value: Any) -> str | None:
    """Returns an id as text without spaces around it, whatever type its column has.

    A column of numbers with gaps holds 12.0 for 12; databases give decimals and bytes. None, an
    empty string and a missing number are None.
    """
    if type(value) is str:
        # Nearly every id is: none of the other types needs to be thought of.
        text = value.strip()
    elif value is None or value != value:
        return None
    else:
        text = _as_text(value).strip()
    if text.endswith(".0") and text[:-2].isdigit():
        text = text[:-2]
    return text or None


def _as_text(value: Any) -> str:
    """A value of a column of ids, of any type, as text."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape")
    if isinstance(value, float | decimal.Decimal) and math.isfinite(value) and value % 1 == 0:
        value = int(value)
    return str(value)


def known_id(value: Any) -> str | None:
    """Like `normal_id`, for ids that may be missing; None also for the words that say so."""
    found = normal_id(value)
    return None if found is None or found.lower() in _NO_VALUE else found

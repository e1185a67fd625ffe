"""Cleans the text of notes without losing what it says."""

import re

_deidentified = re.compile(r"\[\*\*.*?\*\*\]", re.DOTALL)
# "1. Aspirin" begins a list item, "98.6" at a line's beginning is a temperature.
_enumerator = re.compile(r"^[^\S\n]*\d{1,2}\.(?!\d)", re.MULTILINE)
_doctor = re.compile(r"\bdr\.", re.IGNORECASE)
_physician = re.compile(r"\bm\.d\.", re.IGNORECASE)
_dates = re.compile(r"\b(?:admission|discharge)\s+date\s*:", re.IGNORECASE)
_ruler = re.compile(r"-{2,}|_{2,}|={2,}")


def clean(text: str, lower_case: bool) -> str:
    """Removes what MIMIC's layout adds and keeps every number and word of the note.

    Removed are deidentified spans `[** **]`, list enumerators at the beginning of a line,
    "admission date:" and "discharge date:", and rulers; "Dr." becomes "doctor", "M.D." "md".

    Args:
        text: a note, or several joined.
        lower_case: whether to lower-case it.

    Returns:
        The text on one line, words separated by single spaces.

    Source: preprocess1 of preprocess.py (Huang et al. 2019), without its losses: there "98.6"
    becomes "6", "hydr." becomes "hydoctor", and an unclosed bracket takes text with it.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _deidentified.sub(" ", text)
    text = _enumerator.sub(" ", text)
    text = _doctor.sub("doctor", text)
    text = _physician.sub("md", text)
    text = _dates.sub(" ", text)
    text = " ".join(_ruler.sub(" ", text).split())
    return text.lower() if lower_case else text

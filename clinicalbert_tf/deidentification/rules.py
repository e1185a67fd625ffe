"""What rules find in a note: contacts, numbers, dates, high ages, addresses, names by context.

The types are those of i2b2 2014. Patterns have bounded repeats, so that no note makes them slow.
"""

import re
from collections.abc import Iterator

from clinicalbert_tf.deidentification import dates
from clinicalbert_tf.deidentification.found import Found, Ranges
from clinicalbert_tf.deidentification.name_rules import NAME_LIST, NAME_RULES, WORD, name_end
from clinicalbert_tf.deidentification.number_rules import NUMBER_RULES

# Already removed by somebody else, as in MIMIC: [**2151-7-16**], [**Hospital1 18**].
PLACEHOLDER = re.compile(r"\[\*\*[^\[\]\n]{0,120}\*\*\]")
_WORD = re.compile(WORD)
RULES = (*NUMBER_RULES, *NAME_RULES)


def find(text: str) -> list[Found]:
    """Returns what the rules find, in no order; spans may overlap. Placeholders are left alone.

    Args:
        text: a note.
    """
    placeholders = [match.span() for match in PLACEHOLDER.finditer(text)]
    # Dates first: of two types for one place the first counts, and 20230105 is no record number.
    found = [*(Found(start, end, "DATE") for start, end in dates.find(text)), *_matches(text)]
    if not placeholders:
        return found
    inside = Ranges(placeholders)
    return [span for span in found if not inside.touch(span.start, span.end)]


def _matches(text: str) -> Iterator[Found]:
    for label, pattern, check in RULES:
        for match in pattern.finditer(text):
            if check is None or check(match):
                start, end = match.span("found")
                if label in ("PATIENT", "DOCTOR"):
                    end = name_end(text, start, end)
                if end > start:
                    yield Found(start, end, label)
    for match in NAME_LIST.finditer(text):
        for name in _WORD.finditer(text, match.end("first"), match.end()):
            yield Found(*name.span(), "DOCTOR")

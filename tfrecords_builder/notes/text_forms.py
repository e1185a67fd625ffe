r"""Forms in which an export leaves a note's text, which the rules for sections do not read.

Both are told from the text alone, and only said: whoever made the export knows how to make it
without them.
"""

import re

ESCAPED_LINE_ENDS, HTML_TAGS = "escaped_line_ends", "html_tags"
# The two characters that PostgreSQL's COPY and some JSON exports write for a line end.
_ESCAPED = "\\n"
# With attributes or none: "a <b and b> c" is no tag.
_tag = re.compile(
    r"</?(?:br|p|div|span|table|td|tr|li|ul|b|i)(?:\s+[a-z-]+=[^<>]{0,200})?\s*/?>", re.IGNORECASE
)
REMEDIES = {
    ESCAPED_LINE_ENDS: (
        "hold \\n as two characters and no line end: sections and lines are not found in them. "
        "Export them as CSV with quotation marks, or replace the two by a line end (pandas: "
        "table['text'].str.replace('\\\\n', '\\n', regex=False))."
    ),
    HTML_TAGS: (
        "hold HTML tags such as <br> or <p>, which become tokens. Take their text first "
        "(BeautifulSoup's get_text('\\n'), or the export's plain text)."
    ),
}


def unusual_form(text: str) -> str | None:
    """Returns ESCAPED_LINE_ENDS, HTML_TAGS or None.

    Args:
        text: a note.
    """
    # Of nearly all notes the first question is answered after a line.
    if "\n" not in text and _ESCAPED in text and "\r" not in text:
        return ESCAPED_LINE_ENDS
    return HTML_TAGS if "<" in text and _tag.search(text) else None

"""A note coloured by what speaks for a label and against it."""

import html
from collections.abc import Sequence

from tfrecords_builder import html_page

_STYLE = """
.note { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); line-height: 1.9;
  padding: 1rem; border-radius: .5rem; font-size: 1rem; }
.note mark { color: inherit; border-radius: .2rem; padding: .1rem 0; }
.for { background: color-mix(in srgb, var(--orange) var(--much), transparent); }
.against { background: color-mix(in srgb, var(--blue) var(--much), transparent); }
.key span { padding: .1rem .5rem; border-radius: .2rem; margin-right: .6rem; --much: 60%; }
"""


def attribution_page(title: str, text: str, summary: dict, tokens: Sequence[dict]) -> str:
    """The coloured note as an HTML page that needs no other file.

    Args:
        title: heads the page; holds no text of the note.
        text: the note.
        summary: names and values to say above it.
        tokens: {"start", "end", "attribution"} of each wordpiece, in order, not overlapping.
    """
    largest = max((abs(token["attribution"]) for token in tokens), default=0) or 1.0
    parts, place = [], 0
    for token in tokens:
        start, end = max(token["start"], place), token["end"]
        parts.append(html.escape(text[place:start]))
        value = token["attribution"]
        kind = "for" if value > 0 else "against"
        parts.append(
            f'<mark class="{kind}" style="--much:{round(80 * abs(value) / largest)}%" '
            f'title="{value:+.4f}">{html.escape(text[start:end])}</mark>'
        )
        place = max(place, end)
    parts.append(html.escape(text[place:]))
    figures = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>"
        for name, value in summary.items()
    )
    body = (
        f'<header><h1>{html.escape(title)}</h1><dl class="figures">{figures}</dl></header>'
        '<p class=key><span class="for">for the label</span>'
        '<span class="against">against it</span></p>'
        f'<div class="note">{"".join(parts)}</div>'
    )
    return html_page.render(title, body, _STYLE)

"""A curve of one fraction over another as inline SVG: ROC, precision and recall, reliability."""

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Units of the drawing; small, so that its text can be read on a phone as well.
_WIDTH, _HEIGHT = 440, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 18, 26, 40
_TICKS = np.linspace(0, 1, 6)
_MOST_POINTS = 400


class UnitLine(NamedTuple):
    """A curve within the unit square.

    Attributes:
        x, y: float arrays [points], from 0 to 1.
        kind: "evaluation" for what was measured, "training" for what it is compared with.
        marked: whether each point has a mark.
    """

    x: np.ndarray
    y: np.ndarray
    kind: str
    marked: bool = False


def draw_unit(title: str, in_words: str, lines: Sequence[UnitLine], across: str, up: str) -> str:
    """An <svg> element.

    Args:
        title: identifies the drawing; no other chart of the page has it.
        in_words: what it shows, for those who do not see it.
        lines: the curves.
        across, up: names of the axes.
    """
    identity = "chart-" + re.sub(r"\W+", "-", title.lower())
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{identity}" '
        f'preserveAspectRatio="xMidYMid meet"><title id="{identity}">'
        f"{html.escape(in_words)}</title>"
    ]
    for tick in _TICKS:
        x, y = _x(tick), _y(tick)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.1f}</text>'
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:.1f}</text>'
        )
    parts.append(
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 5}" text-anchor="end">{html.escape(across)}'
        f'</text><text x="{_LEFT - 24}" y="13">{html.escape(up)}</text>'
    )
    for line in lines:
        x, y = _in_few_points(line.x, line.y)
        places = " ".join(f"{_x(a):.1f},{_y(b):.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f'<polyline class="curve {line.kind}" points="{places}"/>')
        if line.marked:
            parts += [
                f'<circle class="mark {line.kind}" cx="{_x(a):.1f}" cy="{_y(b):.1f}" r="3.5"/>'
                for a, b in zip(x, y, strict=True)
            ]
    return "".join([*parts, "</svg>"])


def _x(value: float) -> float:
    return _LEFT + value * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float) -> float:
    return _HEIGHT - _BOTTOM - value * (_HEIGHT - _TOP - _BOTTOM)


def _in_few_points(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(x) <= _MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).astype(int))
    return x[kept], y[kept]

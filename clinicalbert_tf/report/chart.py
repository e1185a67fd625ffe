"""A curve over the steps as inline SVG."""

import html
import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from clinicalbert_tf.report.curves import Points, nice_ticks

# Units of the drawing; small, so that its text can be read on a phone as well.
_WIDTH, _HEIGHT = 440, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 18, 12, 36
# Shares of the values beyond which the axis does not follow single steps.
_TAILS = (2, 98)


class Line(NamedTuple):
    """A curve of a chart.

    Attributes:
        name: for the legend.
        points: what is drawn.
        kind: "training" or "evaluation"; chooses the colour, and marks on evaluation points.
    """

    name: str
    points: Points
    kind: str


def draw(title: str, lines: Sequence[Line], write: Callable[[float], str]) -> str:
    """An <svg> element of one or several curves over the steps.

    Args:
        title: for those who do not see the drawing; no other chart of the page has it.
        lines: at least one point in all.
        write: writes a value of the vertical axis.
    """
    lines = [line for line in lines if len(line.points.steps)]
    across, up = _scales(lines)
    identity = "chart-" + re.sub(r"\W+", "-", title.lower())
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{identity}" preserveAspectRatio="xMidYMid meet">',
        f'<title id="{identity}">{html.escape(_in_words(title, lines, write))}</title>',
        *_grid(across, up, write),
    ]
    for line in lines:
        parts += _drawn(line, across, up, write)
    return "".join([*parts, "</svg>"])


class _Scale:
    """Maps values to places; its ticks are round."""

    def __init__(self, low: float, high: float, start: float, end: float, about: int):
        self.ticks = nice_ticks(low, high, about)
        self.low, self.high = self.ticks[0], self.ticks[-1]
        self.start, self.end = start, end

    def __call__(self, values) -> np.ndarray:
        shares = (np.clip(values, self.low, self.high) - self.low) / (self.high - self.low)
        return self.start + shares * (self.end - self.start)


def _scales(lines: Sequence[Line]) -> tuple[_Scale, _Scale]:
    steps = np.concatenate([line.points.steps for line in lines])
    means = np.concatenate([line.points.mean for line in lines])
    lows, highs = (
        np.concatenate([getattr(line.points, name) for line in lines]) for name in ("low", "high")
    )
    low = min(means.min(), np.percentile(lows, _TAILS[0]))
    high = max(means.max(), np.percentile(highs, _TAILS[1]))
    across = _Scale(0, steps.max(), _LEFT, _WIDTH - _RIGHT, 5)
    # The last tick may lie far beyond the last step.
    across.high = max(float(steps.max()), 1.0)
    across.ticks = [tick for tick in across.ticks if tick <= across.high]
    return across, _Scale(low, high, _HEIGHT - _BOTTOM, _TOP, 5)


def _grid(across: _Scale, up: _Scale, write) -> list[str]:
    parts = []
    for tick, y in zip(up.ticks, up(np.array(up.ticks)), strict=True):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{html.escape(write(tick))}</text>"
        )
    for tick, x in zip(across.ticks, across(np.array(across.ticks)), strict=True):
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">'
            f"{write_short(tick)}</text>"
        )
    parts.append(
        f'<text class="axis" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 3}" text-anchor="end">step</text>'
    )
    return parts


def _drawn(line: Line, across: _Scale, up: _Scale, write) -> list[str]:
    points, parts = line.points, []
    x = across(points.steps)
    if np.any(points.high > points.low):
        outline = list(zip(x, up(points.high), strict=True))
        outline += list(zip(x, up(points.low), strict=True))[::-1]
        parts.append(f'<polygon class="band {line.kind}" points="{_places(outline)}"/>')
    places = list(zip(x, up(points.mean), strict=True))
    parts.append(f'<polyline class="curve {line.kind}" points="{_places(places)}"/>')
    if line.kind == "evaluation" or len(places) == 1:
        for (px, py), step, value in zip(places, points.steps, points.mean, strict=True):
            parts.append(
                f'<circle class="mark {line.kind}" cx="{px:.1f}" cy="{py:.1f}" r="3.5"><title>'
                f"{html.escape(f'{line.name}, step {step:,}: {write(value)}')}</title></circle>"
            )
    return parts


def _places(places) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _in_words(title: str, lines: Sequence[Line], write) -> str:
    sentences = [
        f"{line.name} from {write(line.points.mean[0])} at step {line.points.steps[0]:,} "
        f"to {write(line.points.mean[-1])} at step {line.points.steps[-1]:,}"
        for line in lines
    ]
    return f"{title}: {'; '.join(sentences)}."


def write_short(value: float) -> str:
    """A step number or a rate in few characters: 2500, 20k, 1.5M."""
    if value >= 10_000:
        for unit, name in ((1e6, "M"), (1e3, "k")):
            if value >= unit:
                return f"{value / unit:.4g}{name}"
    return f"{value:.4g}"


def write_number(value: float) -> str:
    """A number with up to four digits that count."""
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4:
        # 2e-5 reads better than 2.00e-05.
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    decimals = max(0, min(3 - size, 6))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def write_percent(value: float) -> str:
    """A fraction as percent."""
    return f"{100 * value:.3g}%"

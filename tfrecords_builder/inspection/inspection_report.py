"""The summary of an inspection as text, as a picture and as one HTML file that needs no network."""

import html
import io
from typing import Any

import numpy as np

from tfrecords_builder import html_page
from tfrecords_builder.inspection.inspection import Inspection
from tfrecords_builder.inspection.record_statistics import RecordStatistics

_BARS = 64
_TEXT_BARS = 16
_TEXT_WIDTH = 40
_BLUE, _GREY, _ORANGE = "#2a6f97", "#8d99ae", "#d1603d"


def format_text(inspection: Inspection) -> str:
    """The summary as lines for a terminal."""
    rows = [f"{name:44}{value:>16}" for name, value in inspection.rows()]
    edges, counts = bars(inspection.statistics.lengths, _TEXT_BARS)
    longest = max(1, counts.max())
    histogram = []
    for first, end, count in zip(edges[:-1], edges[1:], counts, strict=True):
        stars = "#" * round(_TEXT_WIDTH * count / longest)
        histogram.append(f"{first:5} to {end - 1:<5}{count:>14,}  {stars}".rstrip())
    lines = [*rows, "", "tokens per instance      instances", *histogram, ""]
    warnings = [f"Warning: {warning}" for warning in inspection.warnings()]
    return "\n".join([*lines, *warnings, *_verdict(inspection)])


def _verdict(inspection: Inspection) -> list[str]:
    if inspection.disagreements:
        return [f"{len(inspection.disagreements)} disagreements:", *inspection.disagreements]
    if inspection.manifest is None:
        return ["The records keep the format's rules. There is no manifest to compare with."]
    return ["The records keep the format's rules and agree with their manifest."]


def bars(histogram: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Gathers a histogram over 0, 1, 2, ... into at most `most` bars of equal width.

    Returns:
        edges: int [bars + 1], the first value of each bar and the end; the last may be narrower.
        counts: int [bars].
    """
    width = -(-len(histogram) // most)
    starts = np.arange(0, len(histogram), width)
    return np.append(starts, len(histogram)), np.add.reduceat(histogram, starts)


def draw(inspection: Inspection) -> Any:
    """The summary as a matplotlib Figure.

    Raises:
        RuntimeError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RuntimeError(
            "Expected matplotlib for a picture, received none. Install the extra: "
            "pip install 'clinicalbert_tf[report]', or drop --html and --png."
        ) from None
    statistics = inspection.statistics
    masked = statistics.max_predictions_per_seq is not None
    figure = Figure(figsize=(10, 7 if masked else 3.6), layout="constrained")
    axes = figure.subplots(1 + masked, 2, squeeze=False)
    _draw_histogram(axes[0, 0], "Tokens an instance", statistics.lengths)
    _draw_shares(axes[0, 1], statistics)
    if masked:
        _draw_histogram(axes[1, 0], "Predictions an instance", statistics.predictions)
        _draw_masking(axes[1, 1], statistics.masking_shares(inspection.mask_id))
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_histogram(axis: Any, title: str, histogram: np.ndarray) -> None:
    edges, counts = bars(histogram, _BARS)
    # Bars stand over the whole numbers that they count.
    axis.bar(edges[:-1] - 0.5, counts, np.diff(edges), align="edge", color=_BLUE, edgecolor="white")
    axis.set_title(title, loc="left", fontweight="bold")
    axis.set_ylabel("instances")
    axis.set_xlim(-1, edges[-1])
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _draw_shares(axis: Any, statistics: RecordStatistics) -> None:
    rows = [
        ("random next\n(of instances)", statistics.random_next_share),
        ("padding\n(of positions)", statistics.padding_share),
    ]
    if statistics.max_predictions_per_seq is not None:
        rows.append(("predicted\n(of tokens)", statistics.masked_share))
    names, shares = zip(*rows[::-1], strict=True)
    percent = [100 * share for share in shares]
    drawn = axis.barh(names, percent, color=_GREY, height=0.55)
    axis.bar_label(drawn, [f"{value:.1f}%" for value in percent], padding=4)
    axis.set_title("Shares", loc="left", fontweight="bold")
    axis.set_xlim(0, max(10, *percent) * 1.2)
    axis.set_xlabel("%")


def _draw_masking(axis: Any, shares: tuple[float, float, float]) -> None:
    percent = [100 * share for share in shares]
    drawn = axis.bar(["[MASK]", "random", "kept"], percent, color=_GREY, width=0.55)
    axis.bar_label(drawn, [f"{value:.1f}%" for value in percent], padding=4)
    axis.hlines(
        [80, 10, 10],
        np.arange(3) - 0.36,
        np.arange(3) + 0.36,
        color=_ORANGE,
        linewidth=2,
        label="80 / 10 / 10",
    )
    axis.set_title("What stands at predicted positions", loc="left", fontweight="bold")
    axis.set_ylabel("% of predictions")
    axis.set_ylim(0, 100)
    axis.legend(frameon=False)


def png(inspection: Inspection) -> bytes:
    """The picture as PNG."""
    buffer = io.BytesIO()
    draw(inspection).savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def page(inspection: Inspection, title: str) -> str:
    """The summary as an HTML page."""
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    draw(inspection).savefig(buffer, format="svg", metadata=nothing)
    picture = buffer.getvalue().decode()
    verdict, *sentences = _verdict(inspection)
    kind = "bad" if inspection.disagreements else "good"
    manifest = inspection.manifest
    files = [(path, f"{count:,}") for path, count in inspection.statistics.files.items()]
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="{kind}">{html.escape(verdict)}</p>',
        "".join(f'<p class="bad">{html.escape(sentence)}</p>' for sentence in sentences),
        "".join(f"<p>Warning: {html.escape(text)}</p>" for text in inspection.warnings()),
        # Without XML's head, which names addresses and has no place inside HTML.
        picture[picture.index("<svg") :],
        "<h2>Counts</h2>" + _table(inspection.rows()),
    ]
    if manifest is not None:
        settings = [(name, str(value)) for name, value in sorted(manifest.settings.items())]
        parts.append("<h2>Settings</h2>" + _table(settings))
        parts.append(f"<p>Written by clinicalbert_tf {html.escape(manifest.package_version)}.</p>")
    parts.append(f"<details><summary>{len(files)} files</summary>{_table(files)}</details>")
    return html_page.render(title, "".join(parts))


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><td>{html.escape(name)}</td><td class="number">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>{cells}</table>"

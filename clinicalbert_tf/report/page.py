"""The report of a run as one HTML file."""

import datetime
import html
import os
from collections.abc import Iterable
from typing import Any

from clinicalbert_tf.report import classification, tables
from clinicalbert_tf.report.chart import (
    Line,
    draw,
    write_number,
    write_percent,
    write_short,
)
from clinicalbert_tf.report.curves import in_few_points
from clinicalbert_tf.report.run_folder import ENGINE_SHOWN, RunFolder, read_run_folder
from clinicalbert_tf.training.watching import outcome
from tfrecords_builder import html_page
from tfrecords_builder.files import write_private

NAME = "report.html"
_WRITE = {"number": write_number, "percent": write_percent, "short": write_short}
# Titles of commands whose names say too little.
_TITLES = {
    "pretrain": "Pretraining",
    "run_classifier": "Classification",
    "long_documents": "Long documents",
}
# How many of the task's scalars stand at the top, besides the loss.
_FIGURES = 2
_ROWS_OF_NUMBERS = 20


def write_report(folder: str, path: str | None = None) -> str:
    """Writes a run's report in one rename, readable by its owner only.

    Args:
        folder: the run's output folder.
        path: where to; None for `report.html` in the folder.

    Returns:
        The file's path.

    Raises:
        FileNotFoundError, ValueError: the folder is not that of a run, or damaged.
        OSError: the report cannot be written.
    """
    path = path or os.path.join(folder, NAME)
    write_private(path, page(read_run_folder(folder)))
    return path


def page(run: RunFolder) -> str:
    """The report as an HTML page that needs no other file."""
    name = os.path.basename(os.path.abspath(run.path))
    command = run.record.get("command", "pretrain")
    title = f"{_TITLES.get(command, command.replace('_', ' '))}: {name}"
    parts = [
        f"<header><h1>{html.escape(title)}</h1>",
        f'<p class="path soft">{html.escape(os.path.abspath(run.path))}</p>',
        *_state(run),
        _figures(run),
        "</header><main>",
        *(_section(name, part) for name, part in classification.sections(run.path)),
        _section("Curves", _charts(run)),
        _section("Evaluation", tables.evaluation(run)),
        _section("Checkpoints", tables.checkpoints(run)),
        *(_section(f"{name.capitalize()} records", part) for name, part in tables.records(run)),
        _section("Settings and environment", tables.settings(run)),
        "</main>",
        f'<footer><p class="soft">Written {_now()} by clinicalbert_tf. It holds numbers, '
        "settings and paths, and no note's text.</p></footer>",
    ]
    return html_page.render(title, "".join(parts))


def _section(title: str, content: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{content}</section>" if content else ""


def _state(run: RunFolder) -> Iterable[str]:
    """How the run ended, in a sentence."""
    told = run.outcome or {}
    steps = f"step {run.last_step:,} of {run.record['settings']['num_train_steps']:,}"
    state = told.get("state")
    sentence, kind = {
        outcome.FINISHED: (f"Finished at {steps}.", "good"),
        outcome.STOPPED: (f"Stopped at {steps}.", ""),
        outcome.FAILED: (f"Failed after {steps}.", "bad"),
        outcome.RUNNING: (f"At {steps}: still running, or killed.", ""),
    }.get(state, (f"At {steps}; how it ended is not on record.", ""))
    yield f'<p class="state {kind}">{html.escape(sentence)}</p>'
    if told.get("reason"):
        reason = told["reason"]
        yield f'<p class="path">{html.escape(reason[0].upper() + reason[1:])}</p>'


def _figures(run: RunFolder) -> str:
    """The numbers that one looks for first."""
    rows = []
    for name, curves in (("Evaluation", run.evaluation), ("Training", run.training)):
        own = [shown for shown in run.shown if shown.tag in curves and shown.tag != "loss"]
        for shown in own[:_FIGURES] or [shown for shown in run.shown if shown.tag in curves]:
            value = in_few_points(curves[shown.tag]).mean
            text = _WRITE[shown.format](value[-1]) if len(value) else "none"
            rows.append((f"{name}: {shown.title}", text))
    if "tokens_seen" in run.training:
        rows.append(("Tokens seen", write_short(run.training["tokens_seen"].values[-1])))
    rows.append(("Training time", tables.write_seconds(run.training_seconds())))
    for tag, what, write in (
        ("tokens_per_second", "Tokens per second", write_short),
        ("share_of_peak", "Share of peak", write_percent),
    ):
        if tag in run.training:
            rows.append((what, write(run.typical(tag))))
    cells = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in rows
    )
    return f'<dl class="figures">{cells}</dl>'


def _charts(run: RunFolder) -> str:
    figures = []
    for shown in (*run.shown, *ENGINE_SHOWN):
        tag, write = shown.tag, _WRITE[shown.format]
        sources = (("training", run.training), ("evaluation", run.evaluation))
        lines = [
            Line(kind, points, kind)
            for kind, curves in sources
            if tag in curves and len((points := in_few_points(curves[tag])).steps)
        ]
        if lines:
            figures.append(_figure(shown.title, lines, write))
    if not figures:
        return "<p>No step is on record yet.</p>"
    note = (
        '<p class="soft">A line is the mean of neighbouring steps, the band around it their '
        "least and greatest value.</p>"
    )
    return f'{note}<div class="charts">{"".join(figures)}</div>'


def _figure(title: str, lines: list[Line], write) -> str:
    legend = "".join(
        f'<span class="legend {line.kind}">{html.escape(line.name)}</span>' for line in lines
    )
    numbers = "".join(_numbers(line, write) for line in lines)
    return (
        f"<figure><figcaption><h3>{html.escape(title)}</h3>"
        f'<span class="legends">{legend}</span></figcaption>'
        f"{draw(title, lines, write)}"
        f"<details><summary>Numbers</summary>{numbers}</details></figure>"
    )


def _numbers(line: Line, write) -> str:
    """A table of a curve's points, or of some of them."""
    points = line.points
    every = -(-len(points.steps) // _ROWS_OF_NUMBERS)
    # Counted from the end, as the last one matters most.
    chosen = range(len(points.steps) - 1, -1, -every)
    rows: list[tuple[Any, ...]] = [
        (f"{points.steps[i]:,}", *(write(v[i]) for v in (points.mean, points.low, points.high)))
        for i in reversed(chosen)
    ]
    return tables.table(line.name.capitalize(), ("up to step", "mean", "least", "greatest"), rows)


def _now() -> str:
    return datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")

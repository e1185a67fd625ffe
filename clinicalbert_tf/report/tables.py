"""The tables of a report."""

import html
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clinicalbert_tf.report.run_folder import RecordsPart, RunFolder

_MOST_EVALUATIONS = 40


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of numbers under a row of headings; the first cell of a row names it."""
    corner, *columns = map(html.escape, head)
    headings = f'<th scope="col">{corner}</th>'
    headings += "".join(f'<th scope="col" class="number">{cell}</th>' for cell in columns)
    lines = (
        f'<th scope="row">{html.escape(name)}</th>'
        + "".join(f'<td class="number">{html.escape(cell)}</td>' for cell in cells)
        for name, *cells in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="scroll"><table><caption>{html.escape(caption)}</caption><thead><tr>'
        f"{headings}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def names_and_values(caption: str, rows: Mapping[str, Any]) -> str:
    """A table of two columns; what is None is left out."""
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(_text(value))}</td></tr>'
        for name, value in rows.items()
        if value is not None
    )
    return (
        f'<div class="scroll"><table><caption>{html.escape(caption)}</caption>'
        f"<tbody>{body}</tbody></table></div>"
    )


def evaluation(run: RunFolder) -> str:
    """Every evaluation, or the last ones of many."""
    formats = {shown.tag: shown.format for shown in run.shown}
    curves = {tag: run.evaluation[tag] for tag in formats if tag in run.evaluation}
    if not curves:
        return ""
    by_step: dict[int, dict[str, float]] = {}
    for tag, curve in curves.items():
        for step, value in zip(curve.steps, curve.values, strict=True):
            by_step.setdefault(int(step), {})[tag] = value
    rows = [
        (f"{step:,}", *(_metric(formats[tag], values.get(tag)) for tag in curves))
        for step, values in sorted(by_step.items())
    ]
    left_out = len(rows) - _MOST_EVALUATIONS
    caption = f"The last {_MOST_EVALUATIONS} of {len(rows)}" if left_out > 0 else "By step"
    head = ("step", *(tag.replace("_", " ") for tag in curves))
    return table(caption, head, rows[-_MOST_EVALUATIONS:])


def checkpoints(run: RunFolder) -> str:
    """The saved states that lie in the folder."""
    rows = [
        (
            f"model.ckpt-{state['global_step']}",
            _count(sum(state["files"].values()) / 1e6, " MB"),
            _count(state.get("records_read")),
            _count(state.get("tokens_seen")),
        )
        for state in run.states
    ]
    head = ("checkpoint", "size", "records read", "tokens seen")
    parts = [table("To resume from", head, rows)] if rows else []
    if run.best is not None:
        best = f"model.ckpt-{run.best['step']} in best/, evaluation loss {run.best['loss']:.4f}"
        parts.append(f"<p>The best one: {html.escape(best)}.</p>")
    return "".join(parts)


def records(run: RunFolder) -> Iterator[tuple[str, str]]:
    """(what they are for, tables) of the records."""
    for name, part in run.records.items():
        yield name, _records(part)


def settings(run: RunFolder) -> str:
    """Settings, model, vocabulary, start and what the run ran on."""
    record, inputs = run.record, run.record["inputs"]
    environment = {
        **record["versions"],
        "devices": record["devices"],
        "replicas": record["num_replicas"],
        **record.get("machine", {}),
    }
    start = inputs.get("init_checkpoint") or {}
    origin = {
        "started from": start.get("prefix", "fresh weights"),
        "its index, sha256": start.get("fingerprint"),
        "vocabulary": (inputs.get("vocabulary") or {}).get("path"),
        "its sha256": (inputs.get("vocabulary") or {}).get("sha256"),
    }
    parts = [
        names_and_values("Settings", dict(sorted(record["settings"].items()))),
        "<div>",
        names_and_values("Model", dict(sorted(record["bert_config"].items()))),
        names_and_values("Start", origin),
        names_and_values("Environment", environment),
        "</div>",
    ]
    return f'<div class="columns">{"".join(parts)}</div>'


def write_seconds(seconds: float) -> str:
    """A duration in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min {rest} s"
    days, hours_left = divmod(hours, 24)
    return f"{days} d {hours_left} h" if days else f"{hours} h {minutes} min"


def _records(part: RecordsPart) -> str:
    described, manifest = part.described, part.manifest
    files = described.get("files") or ()
    found = {
        "folder": os.path.dirname(files[0]) if files else None,
        "files": len(files),
        "records": described["num_records"],
        "tokens per record": described["max_seq_length"],
        "predictions per record": described.get("max_predictions_per_seq"),
        "fingerprint": described["fingerprint"],
    }
    if manifest is None:
        gone = "<p>What made them is not on record: no manifest lies beside them.</p>"
        return gone + names_and_values("Records", found)
    hashes = {
        f"{entry['path']}": f"sha256 {entry['sha256']}" if entry["sha256"] else "no hash"
        for entry in manifest.inputs
    }
    left = names_and_values("Records", found) + names_and_values(
        "Accounting", _flat(manifest.counts)
    )
    right = names_and_values("Built with", dict(sorted(manifest.settings.items())))
    below = names_and_values(
        "Inputs",
        {
            **hashes,
            "vocabulary": f"sha256 {manifest.vocabulary['sha256']}",
            "written by": f"clinicalbert_tf {manifest.package_version}",
        },
    )
    return f'<div class="columns"><div>{left}</div><div>{right}</div></div>{below}'


def _flat(counts: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """{"notes": {"read": 1}} as {"notes: read": 1}."""
    found = {}
    for name, value in counts.items():
        full = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{full}: ")
        else:
            found[full] = value
    return found


def _metric(form: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2%}" if form == "percent" else f"{value:.4f}"


def _count(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:,.0f}{unit}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    return str(value)

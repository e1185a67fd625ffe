"""What a privacy audit found as one HTML file, in plain words."""

import html
import os
from collections.abc import Mapping
from typing import Any

from clinicalbert_tf.inference.privacy.words import LIMITS, Finding, findings
from clinicalbert_tf.report.tables import names_and_values, table
from clinicalbert_tf.run_files import REPORT_NAME
from tfrecords_builder import html_page
from tfrecords_builder.files import write_private

_TITLE = "Privacy audit"
_COLUMNS = ("auroc", "interval_95", "precision_at_10", "rank_correlation")
_COMPARED = {
    "": "names as they are",
    "shuffled_names": "names shuffled",
    "without_a_name": "without a name",
    "by_frequency": "by frequency alone",
}


def write_privacy_report(
    found: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, Any], folder: str
) -> str:
    """Writes report.html, readable by its owner only; it holds no name and no text.

    Args:
        found: {"model": results, "before": those of the model before training, if measured}, as
            inference.privacy.audit.audit_model returns them.
        inputs: what was audited, by the names of the flags.
        folder: where to.

    Returns:
        The file's path.
    """
    path = os.path.join(folder, REPORT_NAME)
    write_private(path, privacy_page(found, inputs))
    return path


def privacy_page(found: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, Any]) -> str:
    """The report as an HTML page that needs no other file."""
    results = findings(found["model"], found.get("before"))
    parts = [
        f"<header><h1>{_TITLE}</h1>",
        f'<p class="path soft">{html.escape(str(inputs.get("model", "")))}</p></header><main>',
        _section("What was shown", _answers(results, True)),
        _section("What was looked for and not shown", _answers(results, False)),
        _section("What was not measured", _answers(results, None)),
        _section("What this says, and what not", f"<p>{html.escape(LIMITS)}</p>"),
        *(_numbers(name, of_model) for name, of_model in found.items()),
        _section("Inputs", names_and_values("Flags", inputs)),
        '</main><footer><p class="soft">It holds numbers and paths, and no name and no note\'s '
        "text.</p></footer>",
    ]
    return html_page.render(_TITLE, "".join(parts))


def _section(title: str, content: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{content}</section>" if content else ""


def _answers(results: list[Finding], shown: bool | None) -> str:
    chosen = [one for one in results if one.shown is shown]
    if not chosen:
        return "<p>Nothing.</p>" if shown else ""
    items = (
        f"<dt>{html.escape(one.question)}</dt><dd>{html.escape(_capital(one.sentence))}</dd>"
        for one in chosen
    )
    return f"<dl>{''.join(items)}</dl>"


def _numbers(name: str, results: Mapping[str, Any]) -> str:
    """A table of each probe of a model."""
    tables = []
    for measure, result in results.items():
        if not isinstance(result, dict) or "auroc" not in result:
            continue
        rows = []
        for key, title in _COMPARED.items():
            own = result if not key else result.get(key)
            if own is not None:
                rows.append((title, *(_number(own.get(column)) for column in _COLUMNS)))
        head = ("", "AUROC", "95% interval", "precision at 10", "rank correlation")
        tables.append(table(measure.replace("_", " "), head, rows))
    title = "The model" if name == "model" else "The model before training"
    return _section(f"{title}: numbers", "".join(tables))


def _number(value) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " to ".join(_number(one) for one in value)
    return f"{value:.3f}"


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]

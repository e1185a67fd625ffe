"""Predictions for a table of any size: streaming, in flat memory, and resumable."""

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tqdm import tqdm

from clinicalbert_tf.checkpoints.fingerprint import fingerprint
from clinicalbert_tf.datasets.classification.catalogue import CATALOGUE
from clinicalbert_tf.datasets.classification.example_files import (
    ColumnLayout,
    iterate_examples,
)
from clinicalbert_tf.datasets.classification.examples import Example
from clinicalbert_tf.datasets.table import RowCounts, TableFormat, format_of
from clinicalbert_tf.inference.classification.classifier import Classifier, load_classifier
from clinicalbert_tf.inference.parts import PartsFolder
from clinicalbert_tf.tasks.classification.results import as_line, prediction_rows
from tfrecords_builder.files import make_private_folder, open_private
from tfrecords_builder.schema import file_sha256

PREDICTIONS_NAME = "predictions.jsonl"
# Enough rows for batches of equal length; what a killed run loses.
ROWS_AT_ONCE = 2048
# Long notes: 2048 of them would be tens of millions.
_CHARACTERS_AT_ONCE = 4_000_000


def predict_file(
    model: str, path: str, asked: Mapping[str, Any], restart: bool = False
) -> tuple[str, RowCounts]:
    """Writes OUTPUT_DIR/predictions.jsonl: one line per row, in the file's order.

    A model of some kinds of section reads these alone; a row whose text has none is read as empty
    and says "without_section": true.

    Killed and started again, it continues after the last finished part.

    Args:
        model: the folder of a run.
        path: the table.
        asked: settings by name: output_dir, text_a, text_b, id, label, separator, quoted, encoding,
            show_text, do_lower_case; task_name to read the file in a released layout.
        restart: whether to drop the parts of an earlier run.

    Returns:
        The predictions' path, and what was read.

    Raises:
        FileNotFoundError, ValueError: the model or the table cannot be read, or do not fit.
    """
    layout, table_format = _layout(path, asked)
    classifier = load_classifier(model, asked.get("do_lower_case"))
    classifier.check_pairs(layout.text_b is not None)
    folder = make_private_folder(asked["output_dir"])
    output = os.path.join(folder, PREDICTIONS_NAME)
    shaping = {
        "input_sha256": file_sha256(path),
        "model": fingerprint(classifier.fine_tuned.source),
        "decision": classifier.decision.to_json(),
        "columns": str(layout),
        "show_text": bool(asked.get("show_text")),
    }
    counts = RowCounts(path)
    examples = iterate_examples("row", path, layout, table_format, counts)
    with PartsFolder(output, shaping, restart) as parts:
        rest = itertools.islice(examples, parts.rows_done, None)
        with tqdm(initial=parts.rows_done, unit="row", disable=None, desc="predictions") as bar:
            for block in _blocks(rest):
                rows = _rows(classifier, block, shaping["show_text"])
                parts.add(len(block), lambda file, rows=rows: file.writelines(map(as_line, rows)))
                bar.update(len(block))
        if parts.rows_done != counts.rows:
            raise RuntimeError(
                f"Expected {counts.rows} predictions, one per row, made {parts.rows_done}. This is "
                "a defect of the software."
            )
        with open_private(output) as file:
            for part in parts.paths():
                with open(part, "rb") as source:
                    shutil.copyfileobj(source, file)
        if parts.rows_done:
            parts.remove()
    return output, counts


def _blocks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """Rows that are predicted together: enough for full batches, few enough for flat memory."""
    block, characters = [], 0
    for example in examples:
        block.append(example)
        characters += len(example.text_a) + len(example.text_b or "")
        if len(block) == ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield block
            block, characters = [], 0
    if block:
        yield block


def _rows(classifier: Classifier, block, show_text: bool):
    probabilities = classifier.probabilities(
        [example.text_a for example in block], [example.text_b for example in block]
    )
    rows = list(prediction_rows(block, probabilities, classifier.decision, show_text))
    for row, example in zip(rows, block, strict=True):
        if classifier.lacks_sections(example.text_a):
            row["without_section"] = True
    return rows


def _layout(path: str, asked: Mapping[str, Any]) -> tuple[ColumnLayout, TableFormat | None]:
    spec = CATALOGUE.get(asked.get("task_name") or "")
    if spec is not None and spec.files:
        file = spec.files.get("test") or spec.files["train"]
        return file.columns, file.table_format
    columns = ColumnLayout(
        asked.get("text_a") or "text",
        asked.get("text_b") or None,
        asked.get("label") or "label",
        asked.get("id") or None,
        optional_id="id",
        label_is_optional=True,
    )
    settings = {
        "quoted": asked.get("quoted", True),
        "separator": asked.get("separator") or None,
        "encoding": asked.get("encoding") or None,
    }
    return columns, format_of(path, **settings)

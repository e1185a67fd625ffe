"""Your own labelled tables, by the names of their columns."""

import os

from clinicalbert_tf.datasets.classification.example_files import ColumnLayout, read_split
from clinicalbert_tf.datasets.classification.examples import SPLITS, Split
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.classification.text_store import TextStore
from clinicalbert_tf.datasets.table import TableFormat

_ENDINGS = {
    "csv": (".csv",),
    "tsv": (".tsv", ".txt"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
}
_PACKINGS = ("", ".gz", ".zip")


def own_layout(settings: DataSettings) -> ColumnLayout:
    """The columns that the settings name.

    Raises:
        ValueError: there is no problem type: it is never guessed from a number.
    """
    if not settings.problem_type:
        raise ValueError(
            "Expected --problem_type=single, multi or regression for a table of your own, received "
            "none: labels such as 1 and 2 may be classes or amounts. Say which."
        )
    return ColumnLayout(
        settings.text_a,
        settings.text_b or None,
        settings.label or None,
        settings.id or None,
        optional_id="id",
        group=settings.group or None,
        problem_type=settings.problem_type,
        label_separator=settings.label_separator,
    )


def own_format(kind: str, settings: DataSettings) -> TableFormat:
    """The format that the settings say for a table of one kind."""
    return TableFormat(
        kind,
        quoted=settings.quoted,
        separator=settings.separator or None,
        encoding=settings.encoding or None,
    )


def read_splits(
    kind: str, settings: DataSettings, texts: TextStore | None = None
) -> dict[str, Split]:
    """Reads the tables that are named, or train, dev and test of a folder.

    Args:
        kind: one of table_format.KINDS.
        settings: files and columns. A test table may lack the label's column.
        texts: where single texts are kept; None for memory.

    Raises:
        FileNotFoundError: there is no training table, or a named one is not there.
        ValueError: neither files nor a folder are named, or there is no problem type.
        TableError: see example_files.read_split.
    """
    layout = own_layout(settings)
    paths = {name: getattr(settings, f"{name}_file") for name in SPLITS}
    for name in SPLITS:
        paths[name] = paths[name] or _in_folder(settings.data_dir, name, kind)
    if not paths["train"]:
        raise FileNotFoundError(
            f"Expected a training table, found none in {settings.data_dir or 'any folder'}. "
            f"Name it with --train_file, or put train.{kind} into the folder of --data_dir."
        )
    splits = {}
    for name, path in paths.items():
        if path:
            columns = layout
            if name == "test":
                columns = ColumnLayout(**{**vars(layout), "label_is_optional": True})
            splits[name] = read_split(name, path, columns, own_format(kind, settings), texts=texts)
    return splits


def _in_folder(folder: str, name: str, kind: str) -> str:
    if not folder:
        return ""
    for ending in _ENDINGS[kind]:
        for packing in _PACKINGS:
            path = os.path.join(folder, name + ending + packing)
            if os.path.isfile(path):
                return path
    return ""

"""MTSamples: the specialty of a transcribed sample report.

One file of JSON lines, notes.jsonl: id, split, specialty or null, text. The sample's name and
description give the specialty away and are not read.
"""

from clinicalbert_tf.datasets.classification.examples import SPLITS, Example, Split
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.classification.text_store import TextStore, stored
from clinicalbert_tf.datasets.released_folders import require_file
from clinicalbert_tf.datasets.table import RowCounts, TableFormat, read_rows, require_columns
from clinicalbert_tf.datasets.table_files import TableError


def read_splits(settings: DataSettings, texts: TextStore | None = None) -> dict[str, Split]:
    """Reads the reports with a specialty, each into the split that the file says.

    Args:
        settings: data_dir with the file.
        texts: where texts are kept; None for memory.

    Raises:
        FileNotFoundError: the file is not there.
        TableError: a line lacks a key or names another split; names file and line.
    """
    path, member = require_file(settings.data_dir, ("notes.jsonl",), "the labelled reports")
    counts = RowCounts(path)
    splits = {name: Split(name, path, []) for name in SPLITS}
    splits["train"].counts = [counts]
    unlabelled = 0
    for row in read_rows(path, TableFormat("jsonl"), member, counts):
        require_columns(path, row, ("id", "split", "specialty", "text"))
        if row["split"] not in splits:
            raise TableError(
                f"{path}, line {row.line}: expected a split of {', '.join(SPLITS)}, received "
                "another. Download the file again."
            )
        if row["specialty"] is None:
            unlabelled += 1
            continue
        example = Example(str(row["id"]), row["text"], None, row["specialty"], None, row.line)
        splits[row["split"]].examples.append(stored(example, texts))
    splits["train"].notices = [f"{path}: {unlabelled:,} reports without a specialty left out"]
    return splits

"""PHEE: the event type of sentences of case reports, where all events are of one type.

Source: Sun et al. 2022, github.com/ZhaoyueSun/PHEE, data/json.
"""

from clinicalbert_tf.datasets.classification.examples import Example, Split
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.released_folders import require_file
from clinicalbert_tf.datasets.table import RowCounts, TableFormat, read_rows, require_columns
from clinicalbert_tf.datasets.table_files import TableError


def read_splits(settings: DataSettings) -> dict[str, Split]:
    """Reads train.json, dev.json and test.json, one object a line, plain or gzipped.

    Raises:
        FileNotFoundError: a file is not there.
        TableError: a line is not as expected; names file and line.
    """
    splits = {}
    for name in ("train", "dev", "test"):
        path, member = require_file(settings.data_dir, (f"{name}.json",), f"PHEE's {name} file")
        counts = RowCounts(path)
        split = Split(name, path, [], [counts])
        several = 0
        for row in read_rows(path, TableFormat("jsonl"), member, counts):
            require_columns(path, row, ("id", "context", "annotations"))
            try:
                types = {e["event_type"] for a in row["annotations"] for e in a["events"]}
            except (TypeError, KeyError):
                raise TableError(
                    f"{path}, line {row.line}: expected annotations with events and event_type, "
                    "received something else. Download the file again."
                ) from None
            if len(types) == 1:
                example = Example(str(row["id"]), row["context"], None, types.pop(), None, row.line)
                split.examples.append(example)
            else:
                several += 1
        split.notices.append(f"{path}: {several:,} sentences of no or several event types left out")
        splits[name] = split
    return splits

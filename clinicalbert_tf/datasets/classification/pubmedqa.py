"""PubMedQA, the expert-labelled part: does an abstract answer its question yes, no or maybe.

Source: Jin et al. 2019, github.com/pubmedqa/pubmedqa: ori_pqal.json and test_ground_truth.json.
"""

import contextlib
import hashlib
import json

from clinicalbert_tf.datasets.classification.examples import Example, Split
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.datasets.released_folders import require_file
from clinicalbert_tf.datasets.table_files import TableError, open_text
from clinicalbert_tf.datasets.table_format import RowCounts

_DEV = 100


def read_splits(settings: DataSettings) -> dict[str, Split]:
    """Reads the questions: the official test part; of the others the 100 with the smallest
    SHA-1 of their PubMed id are dev.

    Raises:
        FileNotFoundError: a file is not there.
        TableError: a file is not as expected.
    """
    path, items = _read_object(settings.data_dir, "ori_pqal.json")
    _, test_answers = _read_object(settings.data_dir, "test_ground_truth.json")
    counts = RowCounts(path, rows=len(items))
    others = sorted(
        (pmid for pmid in items if pmid not in test_answers),
        key=lambda pmid: hashlib.sha1(pmid.encode()).hexdigest(),
    )
    dev = set(others[:_DEV])
    splits = {name: Split(name, path, []) for name in ("train", "dev", "test")}
    splits["train"].counts = [counts]
    for number, (pmid, item) in enumerate(items.items(), start=1):
        name = "test" if pmid in test_answers else "dev" if pmid in dev else "train"
        try:
            texts = item["QUESTION"], " ".join(item["CONTEXTS"])
            example = Example(pmid, *texts, item["final_decision"], None, number)
        except (KeyError, TypeError):
            raise TableError(
                f"{path}: expected QUESTION, CONTEXTS and final_decision in item {number}, "
                "received something else. Download the file again."
            ) from None
        splits[name].examples.append(example)
    return splits


def _read_object(data_dir: str, name: str) -> tuple[str, dict]:
    path, member = require_file(data_dir, (name,), "PubMedQA's file")
    value = None
    with open_text(path, None, member) as file, contextlib.suppress(json.JSONDecodeError):
        value = json.load(file)
    if not isinstance(value, dict):
        raise TableError(f"{path}: expected one JSON object, received something else.")
    return path, value

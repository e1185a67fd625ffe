"""The records of the reference's classifiers: train.tfrecord, dev.tfrecord, test.tfrecord."""

import os

from clinicalbert_tf.datasets.classification.examples import Example, Split
from clinicalbert_tf.datasets.classification.reading import LabelledData
from clinicalbert_tf.texts.feature_records import RecordLabel, write_feature_records
from clinicalbert_tf.texts.pair_features import make_features
from tfrecords_builder.files import make_private_folder
from tfrecords_builder.tokenization import BertTokenizer

_AT_ONCE = 1024


def write_records(
    folder: str,
    data: LabelledData,
    tokenizer: BertTokenizer,
    max_seq_length: int,
    rule: str = "corrected",
) -> dict[str, int]:
    """Writes a file of records for each split that there is.

    The label of a test record is the data set's `reference_test_label` if it has one, because the
    reference never reads the real one; the first label if the file says none.

    Args:
        folder: where to; made (0700) if it is not there.
        data: the examples.
        tokenizer: the model's.
        max_seq_length: tokens of each record.
        rule: see texts.pair_features.make_features.

    Returns:
        {path: number of records}.
    """
    make_private_folder(folder)
    written = {}
    for name, split in data.splits.items():
        path = os.path.join(folder, f"{name}.tfrecord")
        rows = _rows(split, data, tokenizer, max_seq_length, rule)
        written[path] = write_feature_records(path, rows, max_seq_length)
    return written


def _rows(split: Split, data: LabelledData, tokenizer, max_seq_length: int, rule: str):
    for start in range(0, len(split), _AT_ONCE):
        block = split.examples[start : start + _AT_ONCE]
        features = make_features(
            tokenizer, [e.text_a for e in block], [e.text_b for e in block], max_seq_length, rule
        )
        for example, made in zip(block, features, strict=True):
            yield made, _label(example, split.name, data)


def _label(example: Example, split: str, data: LabelledData) -> RecordLabel:
    if data.problem_type == "regression":
        return 0.0 if example.label is None else float(example.label)
    if data.problem_type == "multi":
        return [int(label in (example.label or ())) for label in data.labels]
    if split == "test" and data.spec.reference_test_label is not None:
        return data.labels.index(data.spec.reference_test_label)
    return 0 if example.label is None else data.labels.index(example.label)

"""Records as the reference's classifiers read them."""

import json
import os
import stat

import pytest
import tensorflow as tf

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.record_files import write_records
from clinicalbert_tf.datasets.classification.settings import DataSettings
from tests.support import GOLDEN
from tfrecords_builder.tokenization import BertTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(str(GOLDEN / "vocab" / "downstream_cased.txt"), do_lower_case=False)


def parsed(path):
    made = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        made.append(
            {name: list(f.int64_list.value or f.float_list.value) for name, f in features.items()}
        )
    return made


def test_records_of_the_golden_relations(tokenizer, tmp_path):
    folder = GOLDEN / "relation" / "input" / "biobert_gad"
    data = read_dataset(find_dataset("gad"), DataSettings(data_dir=str(folder)))
    written = write_records(str(tmp_path / "out"), data, tokenizer, 48)
    assert [os.path.basename(path) for path in written] == [
        "train.tfrecord", "dev.tfrecord", "test.tfrecord",
    ]  # fmt: skip
    for path, count in written.items():
        split = os.path.basename(path).removesuffix(".tfrecord")
        golden = GOLDEN / "relation" / "expected" / "biobert_gad" / f"{split}_features.jsonl"
        expected = [json.loads(line) for line in golden.read_text().splitlines()]
        assert parsed(path) == [
            {
                "input_ids": row["input_ids"],
                "input_mask": row["input_mask"],
                "segment_ids": row["segment_ids"],
                "label_ids": [row["label_id"]],
                "is_real_example": [1],
            }
            for row in expected
        ]
        assert count == len(expected)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_labels_of_other_problem_types(tokenizer, tmp_path):
    rows = [{"text": "a", "l": ["x", "z"], "n": 2}, {"text": "b", "l": ["y"], "n": 0.5}]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    for problem_type, column, expected in (
        ("multi", "l", [[1, 0, 1], [0, 1, 0]]),
        ("regression", "n", [[2.0], [0.5]]),
    ):
        settings = DataSettings(train_file=str(path), label=column, problem_type=problem_type)
        data = read_dataset(find_dataset("jsonl"), settings)
        write_records(str(tmp_path / problem_type), data, tokenizer, 8)
        made = parsed(tmp_path / problem_type / "train.tfrecord")
        assert [record["label_ids"] for record in made] == expected


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Features of texts and pairs against what the reference made."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.datasets.classification.catalogue import find_dataset
from clinicalbert_tf.datasets.classification.reading import read_dataset
from clinicalbert_tf.datasets.classification.settings import DataSettings
from clinicalbert_tf.texts.pair_features import make_features, truncated_lengths
from tests.support import GOLDEN
from tfrecords_builder.tokenization import BertTokenizer

MAX_SEQ_LENGTH = 48


@pytest.fixture(scope="module")
def tokenizer():
    return BertTokenizer(str(GOLDEN / "vocab" / "downstream_cased.txt"), do_lower_case=False)


def padded(values):
    return values.tolist() + [0] * (MAX_SEQ_LENGTH - len(values))


def check(tokenizer, features, expected):
    assert len(features) == len(expected)
    for made, golden in zip(features, expected, strict=True):
        assert tokenizer.convert_ids_to_tokens(made.token_ids) == golden["tokens"]
        assert padded(made.token_ids) == golden["input_ids"]
        assert padded(made.segment_ids) == golden["segment_ids"]
        assert [1] * len(made) + [0] * (MAX_SEQ_LENGTH - len(made)) == golden["input_mask"]


def read_golden(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def mednli_examples(tmp_path):
    source = GOLDEN / "classifier_features" / "input" / "mli_train_v1.jsonl"
    (tmp_path / source.name).write_bytes(source.read_bytes())
    data = read_dataset(find_dataset("mednli"), DataSettings(data_dir=str(tmp_path)))
    assert data.labels == ("contradiction", "entailment", "neutral")
    return data.splits["train"].examples


def test_mednli_equals_the_reference_with_its_rule(tokenizer, tmp_path):
    expected = read_golden(GOLDEN / "classifier_features" / "expected" / "features.jsonl")
    examples = mednli_examples(tmp_path)
    features = make_features(
        tokenizer,
        [e.text_a for e in examples],
        [e.text_b for e in examples],
        MAX_SEQ_LENGTH,
        "reference",
    )
    check(tokenizer, features, expected)
    assert [e.id for e in examples] == [golden["pairID"] for golden in expected]
    labels = ("contradiction", "entailment", "neutral")
    assert [labels.index(e.label) for e in examples] == [golden["label_id"] for golden in expected]


def test_default_rule_differs_only_where_the_second_sentence_has_no_wordpieces(tokenizer, tmp_path):
    expected = read_golden(GOLDEN / "classifier_features" / "expected" / "features.jsonl")
    examples = mednli_examples(tmp_path)
    features = make_features(
        tokenizer, [e.text_a for e in examples], [e.text_b for e in examples], MAX_SEQ_LENGTH
    )
    different = []
    for example, made, golden in zip(examples, features, expected, strict=True):
        if tokenizer.encode(example.text_b):
            check(tokenizer, [made], [golden])
        else:
            different.append(example.id)
            assert made.token_ids.tolist().count(tokenizer.sep_id) == 2
            assert made.segment_ids.tolist() == [0] * (len(made) - 1) + [1]
            assert len(made) <= MAX_SEQ_LENGTH
    assert "inv-029" in different and len(different) == 4


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("biobert_gad", "gad"),
        ("biobert_chemprot", "chemprot"),
        ("bluebert_i2b2_2010", "bluebert_i2b2_2010"),
        ("bluebert_chemprot", "bluebert_chemprot"),
    ],
)
def test_relation_files_equal_the_reference(tokenizer, layout, name):
    spec = find_dataset(name)
    data = read_dataset(spec, DataSettings(data_dir=str(GOLDEN / "relation" / "input" / layout)))
    labels = json.loads((GOLDEN / "relation" / "expected" / "labels.json").read_text())[layout]
    assert list(data.labels) == labels
    # Of two classes both count in the means; the positive one alone has an F1 of its own.
    counted = labels if len(labels) == 2 else [label for label in labels if label != "false"]
    assert list(data.counted_labels) == counted
    for split, read in data.splits.items():
        expected = read_golden(
            GOLDEN / "relation" / "expected" / layout / f"{split}_features.jsonl"
        )
        examples = read.examples
        assert [e.text_a for e in examples] == [golden["text_a"] for golden in expected]
        features = make_features(
            tokenizer, [e.text_a for e in examples], [None] * len(examples), MAX_SEQ_LENGTH
        )
        check(tokenizer, features, expected)
        if split == "test":
            assert {golden["label"] for golden in expected} == {spec.reference_test_label}
        else:
            assert [e.label for e in examples] == [golden["label"] for golden in expected]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 50))
def test_truncation_equals_removing_one_piece_at_a_time(first, second, most):
    a, b = [0] * first, [0] * second
    while len(a) + len(b) > most:
        (a if len(a) > len(b) else b).pop()
    assert truncated_lengths(first, second, most) == (len(a), len(b))


def test_no_texts_give_no_features(tokenizer):
    assert make_features(tokenizer, [], [], 8) == []


@pytest.mark.parametrize(("rule", "length"), [("other", 8), ("corrected", 3)])
def test_wrong_settings_are_refused(tokenizer, rule, length):
    with pytest.raises(ValueError, match="Expected --"):
        make_features(tokenizer, ["a"], [None], length, rule)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import gzip
import pathlib

import numpy as np
import pytest

from tests.support import GOLDEN
from tfrecords_builder.building import records
from tfrecords_builder.inspection import record_statistics

CASED = GOLDEN / "pretraining_data" / "cased_128.tfrecord.gz"
MASK_ID = 4


def arrays(**changes):
    """Two records: 7 of 8 and 5 of 8 tokens, two and one predictions."""
    values = {
        "input_ids": [[2, 9, 4, 3, 9, 9, 3, 0], [2, 30, 3, 8, 3, 0, 0, 0]],
        "input_mask": [[1] * 7 + [0], [1] * 5 + [0] * 3],
        "segment_ids": [[0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 0, 0, 0]],
        "masked_lm_positions": [[2, 4, 0], [1, 0, 0]],
        "masked_lm_ids": [[7, 9, 0], [6, 0, 0]],
        "masked_lm_weights": [[1, 1, 0], [1, 0, 0]],
        "next_sentence_labels": [[1], [0]],
    } | changes
    return {
        name: np.array(value, np.float32 if name == "masked_lm_weights" else np.int32)
        for name, value in values.items()
    }


def write(path, block, vocab_size=100, masked=True):
    features = records.record_features(
        block["input_ids"].shape[1], block["masked_lm_ids"].shape[1], vocab_size, masked
    )
    with records.RecordWriter(str(path), features) as writer:
        writer.write(block)
    return str(path)


def test_two_records_are_counted_by_hand(tmp_path):
    path = write(tmp_path / "r", arrays())
    found = record_statistics.count_file(path)
    assert (found.max_seq_length, found.max_predictions_per_seq) == (8, 3)
    assert found.files == {path: 2}
    assert found.lengths.tolist() == [0, 0, 0, 0, 0, 1, 0, 1, 0]
    assert found.predictions.tolist() == [0, 1, 1, 0]
    assert (found.instances, found.tokens, found.predicted) == (2, 12, 3)
    assert found.padding_share == 1 - 12 / 16
    assert found.masked_share == 3 / 12
    assert found.random_next_share == 0.5
    # Position 2 holds [MASK], position 4 its original, the second record another wordpiece.
    assert found.masking_shares(MASK_ID) == (1 / 3, 1 / 3, 1 / 3)
    assert found.wordpieces[[2, 3, 6, 7, 8, 9]].tolist() == [2, 4, 1, 1, 1, 3]
    assert found.wordpieces.sum() == 12
    assert found.broken_rules == {}


def test_golden_records_are_counted_as_one_by_one():
    found = record_statistics.count_file(str(CASED))
    lengths, predictions, kept, masked, random_next = [], [], 0, 0, 0
    for example in records.read_examples(str(CASED)):
        lengths.append(int(example["input_mask"].sum()))
        count = int(example["masked_lm_weights"].sum())
        predictions.append(count)
        random_next += int(example["next_sentence_labels"][0])
        for position, original in zip(
            example["masked_lm_positions"][:count], example["masked_lm_ids"][:count], strict=True
        ):
            kept += int(example["input_ids"][position] == original)
            masked += int(example["input_ids"][position] == MASK_ID)
    assert found.instances == len(lengths) == 948
    assert found.lengths.tolist() == np.bincount(lengths, minlength=129).tolist()
    assert found.predictions.tolist() == np.bincount(predictions, minlength=23).tolist()
    assert (found.kept, found.random_next) == (kept, random_next)
    assert found.masking_shares(MASK_ID)[0] == masked / sum(predictions)
    assert found.likely_mask_id() == MASK_ID
    assert found.masking_shares(None) == found.masking_shares(MASK_ID)
    assert found.broken_rules == {}


def test_reference_whole_word_and_uncased_records_keep_the_rules():
    for name in ("cased_128_whole_word", "uncased_64", "two_outputs_0", "two_outputs_1"):
        found = record_statistics.count_file(str(CASED.with_name(f"{name}.tfrecord.gz")))
        assert found.broken_rules == {}, name


def test_blocks_do_not_matter(monkeypatch):
    whole = record_statistics.count_file(str(CASED))
    monkeypatch.setattr(record_statistics, "BLOCK", 100)
    parts = record_statistics.count_file(str(CASED))
    assert repr(whole) == repr(parts)
    assert np.array_equal(whole.wordpieces, parts.wordpieces)
    assert np.array_equal(whole.replaced, parts.replaced)


def test_files_add_up(tmp_path):
    first = write(tmp_path / "a", arrays())
    second = write(tmp_path / "b", arrays(next_sentence_labels=[[1], [1]]))
    total = record_statistics.count_file(first)
    total.add(record_statistics.count_file(second))
    assert total.files == {first: 2, second: 2}
    assert total.lengths.tolist() == [0, 0, 0, 0, 0, 2, 0, 2, 0]
    assert (total.tokens, total.predicted, total.random_next, total.kept) == (24, 6, 3, 2)


def test_records_without_masks_are_counted(tmp_path):
    found = record_statistics.count_file(write(tmp_path / "r", arrays(), masked=False))
    assert found.max_predictions_per_seq is None
    assert (found.tokens, found.predicted, found.masked_share) == (12, 0, 0)
    assert found.broken_rules == {}


def test_empty_file_has_no_statistics(tmp_path):
    (tmp_path / "empty").touch()
    assert record_statistics.count_file(str(tmp_path / "empty")) is None


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("input_mask is 1", {"input_mask": [[1] * 7 + [0], [1, 1, 0, 1, 1, 1, 0, 0]]}),
        ("input_ids are 0", {"input_ids": [[1] * 7 + [0], [1] * 5 + [0, 0, 5]]}),
        (
            "segment_ids are 0",
            {"segment_ids": [[0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 1, 0, 1, 0, 0, 0]]},
        ),
        (
            "segment_ids are 0",
            {"segment_ids": [[0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1, 0, 0]]},
        ),
        ("masked_lm_weights are 1", {"masked_lm_weights": [[1, 1, 0], [0, 1, 0]]}),
        ("positions lie between", {"masked_lm_positions": [[2, 4, 0], [4, 0, 0]]}),
        ("positions lie between", {"masked_lm_positions": [[2, 4, 0], [0, 0, 0]]}),
        ("positions ascend", {"masked_lm_positions": [[2, 4, 0], [3, 1, 0]]}),
    ],
)
def test_broken_rule_is_named_with_its_first_record(tmp_path, rule, changes):
    if "ascend" in rule:
        changes["masked_lm_weights"] = [[1, 1, 0], [1, 1, 0]]
    path = write(tmp_path / "r", arrays(**changes))
    found = record_statistics.count_file(path)
    ((named, (count, first)),) = found.broken_rules.items()
    assert rule in named
    assert (count, first) == (1, f"{path}, record 1")


def test_damaged_file_is_an_error_with_file_and_record(tmp_path):
    content = bytearray(gzip.decompress(CASED.read_bytes()))
    size = int.from_bytes(content[:8], "little") + 16
    content[size * 1 + 40] ^= 1
    damaged = tmp_path / "damaged.tfrecord"
    damaged.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{damaged}.*record 1\b"):
        record_statistics.count_file(str(damaged))


def test_truncated_file_is_an_error_with_file_and_record(tmp_path):
    content = gzip.decompress(CASED.read_bytes())
    truncated = tmp_path / "truncated.tfrecord"
    truncated.write_bytes(content[:-3])
    with pytest.raises(ValueError, match=rf"{truncated}.*record 947\b"):
        record_statistics.count_file(str(truncated))


def test_truncated_gzip_is_an_error_with_the_file(tmp_path):
    truncated = tmp_path / "truncated.tfrecord.gz"
    truncated.write_bytes(CASED.read_bytes()[:20_000])
    with pytest.raises(ValueError, match=rf"{truncated}.*record \d+"):
        record_statistics.count_file(str(truncated))


def test_other_examples_are_refused_by_their_features(tmp_path):
    from tfrecords_builder.building.storage.wire import Feature

    path = str(tmp_path / "r")
    with records.RecordWriter(path, (Feature("label", 1, 5),)) as writer:
        writer.write({"label": np.array([[1]])})
    with pytest.raises(ValueError, match=r"record 0: expected the features input_ids.*label"):
        record_statistics.count_file(path)


def test_records_of_two_lengths_are_refused(tmp_path):
    longer = {
        name: np.pad(values, ((0, 0), (0, 8))) if values.shape[1] == 8 else values
        for name, values in arrays().items()
    }
    first, second = write(tmp_path / "a", arrays()), write(tmp_path / "b", longer)
    both = tmp_path / "both"
    both.write_bytes(pathlib.Path(first).read_bytes() + pathlib.Path(second).read_bytes())
    with pytest.raises(ValueError, match=rf"{both}, record 2: expected 8 values of"):
        record_statistics.count_file(str(both))
    total = record_statistics.count_file(first)
    with pytest.raises(ValueError, match=rf"max_seq_length 8 in {first} and 16 in {second}"):
        total.add(record_statistics.count_file(second))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

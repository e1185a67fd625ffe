"""TFRecord files out and in, against TensorFlow's own reader."""

import os
import stat

import numpy as np
import pytest
import tensorflow as tf

from tests import support
from tests.tfrecords_builder.pairing import plain_pairing
from tfrecords_builder import schema, tfrecord_files
from tfrecords_builder.building import records

GOLDEN = support.GOLDEN / "pretraining_data"
VOCAB_SIZE = 28996


def make_instances(count, seed=0, length=128, predictions=20):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        size = int(rng.integers(5, length + 1))
        a = int(rng.integers(2, size - 2))
        masked = int(rng.integers(1, min(size, predictions) + 1))
        made.append(
            plain_pairing.Instance(
                input_ids=rng.integers(1, VOCAB_SIZE, size).tolist(),
                segment_ids=[0] * a + [1] * (size - a),
                masked_lm_positions=sorted(rng.choice(size, masked, replace=False).tolist()),
                masked_lm_ids=rng.integers(1, VOCAB_SIZE, masked).tolist(),
                is_random_next=bool(rng.integers(2)),
            )
        )
    return made


def write(made, path, length=128, predictions=20):
    """Writes the instances in blocks of 7; returns their number."""
    features = records.record_features(length, predictions, VOCAB_SIZE)
    with records.RecordWriter(str(path), features) as writer:
        for start in range(0, len(made), 7):
            writer.write(plain_pairing.pad_instances(made[start : start + 7], length, predictions))
    return writer.count


def parse(path, compression="", length=128, predictions=20):
    ints = {"input_ids", "input_mask", "segment_ids"}
    spec = {name: tf.io.FixedLenFeature([length], tf.int64) for name in ints}
    spec |= {
        "masked_lm_positions": tf.io.FixedLenFeature([predictions], tf.int64),
        "masked_lm_ids": tf.io.FixedLenFeature([predictions], tf.int64),
        "masked_lm_weights": tf.io.FixedLenFeature([predictions], tf.float32),
        "next_sentence_labels": tf.io.FixedLenFeature([1], tf.int64),
    }
    dataset = tf.data.TFRecordDataset(str(path), compression_type=compression).batch(10_000)
    return {
        name: value.numpy()
        for name, value in tf.io.parse_example(next(iter(dataset)), spec).items()
    }


def assert_holds(parsed, made, length=128, predictions=20):
    assert len(parsed["input_ids"]) == len(made)
    for row, instance in enumerate(made):
        size, masked = len(instance.input_ids), len(instance.masked_lm_ids)
        for name, values in (
            ("input_ids", instance.input_ids),
            ("input_mask", [1] * size),
            ("segment_ids", instance.segment_ids),
        ):
            assert parsed[name][row].tolist() == values + [0] * (length - size)
        for name, values in (
            ("masked_lm_positions", instance.masked_lm_positions),
            ("masked_lm_ids", instance.masked_lm_ids),
            ("masked_lm_weights", [1.0] * masked),
        ):
            assert parsed[name][row].tolist() == values + [0] * (predictions - masked)
        assert parsed["next_sentence_labels"][row].tolist() == [int(instance.is_random_next)]


@pytest.mark.parametrize(("length", "predictions"), [(128, 20), (512, 76)])
def test_tensorflow_reads_every_feature(length, predictions, tmp_path):
    made = make_instances(25, length=length, predictions=predictions)
    assert write(made, tmp_path / "a", length, predictions) == 25
    parsed = parse(tmp_path / "a", length=length, predictions=predictions)
    assert_holds(parsed, made, length, predictions)


def test_gzip_holds_the_same_records_and_the_same_bytes_each_time(tmp_path):
    made = make_instances(20)
    features = records.record_features(128, 20, VOCAB_SIZE)
    for name in "ab":
        with records.RecordWriter(str(tmp_path / name), features, "gzip") as writer:
            writer.write(plain_pairing.pad_instances(made, 128, 20))
        assert writer.count == 20
    assert_holds(parse(tmp_path / "a", "GZIP"), made)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len(list(tfrecord_files.read_records(str(tmp_path / "a")))) == 20


def test_unmasked_records_have_no_prediction_features(tmp_path):
    features = records.record_features(128, 20, VOCAB_SIZE, masked=False)
    with records.RecordWriter(str(tmp_path / "a"), features) as writer:
        writer.write(plain_pairing.pad_instances(make_instances(3), 128, 20))
    for example in records.read_examples(str(tmp_path / "a")):
        assert list(example) == [
            "input_ids",
            "input_mask",
            "segment_ids",
            "next_sentence_labels",
        ]


def test_the_own_reader_agrees_with_tensorflow_on_the_references_records():
    path = str(GOLDEN / "two_outputs_0.tfrecord.gz")
    expected = parse(path, "GZIP", predictions=22)
    found = list(records.read_examples(path))
    assert len(found) == len(expected["input_ids"]) == 215
    for row, example in enumerate(found):
        assert set(example) == set(schema.RECORD_FEATURES)
        for name, values in example.items():
            assert values.tolist() == expected[name][row].tolist()


def test_a_file_is_for_its_owner_only(tmp_path):
    write(make_instances(2), tmp_path / "a")
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o600


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_an_error_while_writing_leaves_no_file(compression, tmp_path):
    features = records.record_features(128, 20, VOCAB_SIZE)
    with (
        pytest.raises(RuntimeError, match="stop"),
        records.RecordWriter(str(tmp_path / "a"), features, compression) as writer,
    ):
        writer.write(plain_pairing.pad_instances(make_instances(2), 128, 20))
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_a_valid_one(tmp_path):
    with records.RecordWriter(str(tmp_path / "a"), records.record_features(128, 20, 100)):
        pass
    assert list(tf.data.TFRecordDataset(str(tmp_path / "a"))) == []
    assert list(tfrecord_files.read_records(str(tmp_path / "a"))) == []


def damaged(data, how):
    if how == "truncated":
        return data[:-5]
    # The third record's length or content.
    at = len(data) // 3 * 2 + (3 if how == "length" else 100)
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


@pytest.mark.parametrize("how", ["truncated", "length", "content"])
def test_a_damaged_file_is_named_with_the_record(how, tmp_path):
    path = tmp_path / "a"
    write(make_instances(1) * 3, path)
    path.write_bytes(damaged(path.read_bytes(), how))
    found = []
    with pytest.raises(ValueError, match=r"/a: expected .* record 2\b"):
        for record in tfrecord_files.read_records(str(path)):
            found.append(record)
    assert len(found) == 2


def test_a_truncated_gzip_file_is_named(tmp_path):
    features = records.record_features(128, 20, VOCAB_SIZE)
    path = tmp_path / "a.gz"
    with records.RecordWriter(str(path), features, "gzip") as writer:
        writer.write(plain_pairing.pad_instances(make_instances(50), 128, 20))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"a\.gz: expected a whole gzip stream.* record 49 "):
        list(tfrecord_files.read_records(str(path)))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

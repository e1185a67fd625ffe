"""tf.train.Example's wire format, against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecords_builder.building.storage import wire


def split(data, lengths):
    ends = np.cumsum(lengths)
    raw = data.tobytes()
    assert len(raw) == ends[-1]
    return [raw[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def as_lists(raw):
    features = tf.train.Example.FromString(raw).features.feature
    return {
        name: list(feature.int64_list.value) or list(feature.float_list.value)
        for name, feature in features.items()
    }


BOUNDS = [1, 127, 128, 16383, 16384, 28995, (1 << 21) - 1]


# The tables of the largest bound take a moment to make.
@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 9),
    st.lists(
        st.tuples(st.integers(1, 200), st.sampled_from([*BOUNDS, None])), min_size=1, max_size=4
    ),
    st.integers(0, 99),
)
def test_protobuf_reads_what_was_written(rows, columns, seed):
    rng = np.random.default_rng(seed)
    features = tuple(
        wire.Feature(f"feature_{i}", width, bound) for i, (width, bound) in enumerate(columns)
    )
    arrays = {}
    for feature in features:
        shape = (rows, feature.width)
        if feature.max_value is None:
            arrays[feature.name] = rng.normal(size=shape).astype(np.float32)
        else:
            # Small and large values alike, so that varints of every size come up.
            values = rng.random(shape) ** 8 * (feature.max_value + 1)
            arrays[feature.name] = values.astype(np.int32)
    data, lengths = wire.ExampleEncoder(features).encode(arrays)
    for row, raw in enumerate(split(data, lengths)):
        expected = {name: values[row].tolist() for name, values in arrays.items()}
        assert as_lists(raw) == expected
        assert {k: v.tolist() for k, v in wire.decode_example(raw).items()} == expected


def test_the_bytes_are_protobufs_own_for_one_feature():
    values = np.array([[5, 300, 20000, 0, 127, 128]], np.int32)
    data, _ = wire.ExampleEncoder((wire.Feature("input_ids", 6, 28995),)).encode(
        {"input_ids": values}
    )
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=values[0].tolist()))
    example = tf.train.Example(features=tf.train.Features(feature={"input_ids": feature}))
    assert data.tobytes() == example.SerializeToString()


def test_an_encoder_keeps_nothing_from_block_to_block():
    encoder = wire.ExampleEncoder((wire.Feature("ids", 3, 28995), wire.Feature("label", 1, 1)))
    blocks = [
        {"ids": np.full((5, 3), 20000), "label": np.ones(5, int)},
        {"ids": np.full((2, 3), 7), "label": np.zeros(2, int)},
        {"ids": np.full((4, 3), 300), "label": np.ones(4, int)},
    ]
    for block in blocks:
        for row, raw in enumerate(split(*encoder.encode(block))):
            assert as_lists(raw) == {
                "ids": block["ids"][row].tolist(),
                "label": [block["label"][row]],
            }


def test_the_reserve_surrounds_each_record():
    features = (wire.Feature("ids", 2, 28995),)
    arrays = {"ids": np.array([[1, 2], [20000, 3]])}
    bare = split(*wire.ExampleEncoder(features).encode(arrays))
    framed = split(*wire.ExampleEncoder(features, (12, 4)).encode(arrays))
    assert [record[12:-4] for record in framed] == bare


def test_unpacked_lists_are_decoded_too():
    # Example{Features{entry{"a", Feature{Int64List{1, value 300, not packed}}}}}
    int64_list = b"\x08\xac\x02\x08\x05"
    feature = b"\x1a" + bytes([len(int64_list)]) + int64_list
    entry = b"\x0a\x01a\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    raw = b"\x0a" + bytes([len(features)]) + features
    assert as_lists(raw) == {"a": [300, 5]}
    assert wire.decode_example(raw)["a"].tolist() == [300, 5]


def test_negative_numbers_are_decoded():
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[-1, 4]))
    example = tf.train.Example(features=tf.train.Features(feature={"a": feature}))
    assert wire.decode_example(example.SerializeToString())["a"].tolist() == [-1, 4]


@pytest.mark.parametrize("data", [b"\x0a\xff", b"\x0a\x05ab", b"no example", b"\x0b\x01"])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match=f"received {len(data)} bytes"):
        wire.decode_example(data)


def test_values_beyond_the_table_are_refused():
    with pytest.raises(ValueError, match="ids: expected a largest value"):
        wire.ExampleEncoder((wire.Feature("ids", 2, 1 << 21),))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

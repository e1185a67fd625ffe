import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecords_builder.building import records
from tfrecords_builder.building.storage import example_blocks, wire


def varint(value):
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def field(tag, payload):
    return bytes([tag]) + varint(len(payload)) + payload


def example(features, packed=True):
    """A tf.train.Example, written message by message."""
    entries = b""
    for name, values in features.items():
        if isinstance(values, np.ndarray):
            lists = field(0x12, field(0x0A, values.astype("<f4").tobytes()))
        elif packed:
            lists = field(0x1A, field(0x0A, b"".join(map(varint, values))))
        else:
            lists = field(0x1A, b"".join(b"\x08" + varint(value) for value in values))
        entries += field(0x0A, field(0x0A, name.encode()) + field(0x12, lists))
    return field(0x0A, entries)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=width, max_size=width),
            min_size=1,
            max_size=5,
        )
    ),
    st.booleans(),
)
def test_any_integers_come_back(rows, packed):
    block = example_blocks.decode_block([example({"values": row}, packed) for row in rows])
    assert block["values"].tolist() == rows


def test_features_may_stand_in_any_order():
    first = {"a": [1, 300], "b": [7], "c": np.array([0.5, 1.0])}
    second = dict(reversed({"a": [128, 0], "b": [1 << 40], "c": np.array([2.0, -1.0])}.items()))
    block = example_blocks.decode_block([example(first), example(second, packed=False)])
    assert block["a"].tolist() == [[1, 300], [128, 0]]
    assert block["b"].tolist() == [[7], [1 << 40]]
    assert block["c"].tolist() == [[0.5, 1.0], [2.0, -1.0]]


def test_what_the_builder_encodes_comes_back():
    rng = np.random.default_rng(1)
    arrays = {
        "input_ids": rng.integers(0, 30_000, (300, 16)),
        "input_mask": rng.integers(0, 2, (300, 16)),
        "segment_ids": rng.integers(0, 2, (300, 16)),
        "masked_lm_positions": rng.integers(0, 16, (300, 3)),
        "masked_lm_ids": rng.integers(0, 30_000, (300, 3)),
        "masked_lm_weights": rng.random((300, 3)).astype(np.float32),
        "next_sentence_labels": rng.integers(0, 2, (300, 1)),
    }
    data, lengths = wire.ExampleEncoder(records.record_features(16, 3, 30_000)).encode(arrays)
    ends = np.cumsum(lengths)
    examples = [data[a:b].tobytes() for a, b in zip(ends - lengths, ends, strict=True)]
    block = example_blocks.decode_block(examples)
    assert block.keys() == arrays.keys()
    for name, values in arrays.items():
        assert np.array_equal(block[name], values), name


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"a": [1, 2, 3]}, "1: expected 2 values of a, received 3"),
        ({"a": [1]}, "1: expected 2 values of a, received 1"),
        ({"b": [1, 2]}, "1: expected the features .*'a'.*, received .*'b'"),
        ({"a": np.array([1.0, 2.0])}, "1: expected one type for a"),
    ],
)
def test_records_of_another_shape_are_named_by_number(second, message):
    with pytest.raises(ValueError, match=message):
        example_blocks.decode_block([example({"a": [1, 2]}), example(second)])


@pytest.mark.parametrize("data", [b"\xff\xff", b"note text", b"\x0a\x05\x0a"])
def test_what_is_no_example_is_named_by_number_without_its_text(data):
    with pytest.raises(ValueError, match=r"^1: ") as error:
        example_blocks.decode_block([example({"a": [1, 2]}), data])
    assert "note text" not in str(error.value)


@pytest.mark.parametrize("payload", [b"\x01\x80", b"\x80" * 11 + b"\x01"])
def test_packed_values_that_do_not_end_well_are_refused(payload):
    lists = field(0x12, field(0x1A, field(0x0A, payload)))
    broken = field(0x0A, field(0x0A, field(0x0A, b"a") + lists))
    with pytest.raises(ValueError, match=r"^1: expected packed values"):
        example_blocks.decode_block([example({"a": [300, 300]}), broken, example({"a": [1, 2]})])


def test_floats_cut_short_are_refused():
    lists = field(0x12, field(0x12, field(0x0A, b"\0\0\0")))
    with pytest.raises(ValueError, match=r"^0: expected packed values"):
        example_blocks.decode_block([field(0x0A, field(0x0A, field(0x0A, b"a") + lists))])


@pytest.mark.large
def test_tensorflows_own_serialisation_is_read():
    import tensorflow as tf

    def feature(values):
        if isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    rows = [{"ids": [1, 200, 70_000, -1], "weights": [0.0, 1.0]} for _ in range(3)]
    examples = [
        tf.train.Example(
            features=tf.train.Features(feature={name: feature(v) for name, v in row.items()})
        ).SerializeToString()
        for row in rows
    ]
    block = example_blocks.decode_block(examples)
    assert block["ids"].tolist() == [row["ids"] for row in rows]
    assert block["weights"].tolist() == [row["weights"] for row in rows]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

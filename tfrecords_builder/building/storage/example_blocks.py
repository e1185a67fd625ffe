"""Blocks of serialised tf.train.Examples to arrays, without TensorFlow.

Python walks the few messages of each Example; the values of a feature are then decoded for the
whole block at once. Features may stand in any order, as protobuf's maps do.

Source: tensorflow/core/example/{example,feature}.proto; protobuf's encoding of packed varints.
"""

from collections.abc import Sequence

import numpy as np

from tfrecords_builder.building.storage import wire

_BYTES_TAG = 0x0A
_FEATURE_TAG = 0x12
_FLOAT_LIST, _INT64_LIST = 0x12, 0x1A
# Bytes of 64 bits in groups of seven.
_LONGEST_VARINT = 10


def decode_block(examples: Sequence[bytes]) -> dict[str, np.ndarray]:
    """Parses Examples that all have the same features of the same widths.

    Args:
        examples: serialised Examples of integer and float features.

    Returns:
        By feature name an int64 or float32 array [examples, width].

    Raises:
        ValueError: an Example cannot be parsed or differs from the first in its features or
            their widths; the message begins with its number in the block, from 0.
    """
    parsed = []
    for number, example in enumerate(examples):
        try:
            parsed.append(_packed_lists(example))
        except (IndexError, ValueError, KeyError):
            parsed.append(_unpacked_lists(example, number))
    names = parsed[0].keys()
    for number, lists in enumerate(parsed):
        if lists.keys() != names:
            raise ValueError(
                f"{number}: expected the features {sorted(names)}, received {sorted(lists)}"
            )
    return {name: _stack(name, [lists[name] for lists in parsed]) for name in names}


def _packed_lists(example: bytes) -> dict[str, tuple[int, bytes]]:
    """The lists of an Example as (tag, packed values).

    Raises:
        IndexError, ValueError, KeyError: not the common form: one packed list a feature.
    """
    at, end = _enter(example, 0, _BYTES_TAG)
    if end != len(example):
        raise ValueError(end)
    lists = {}
    while at < end:
        at, entry_end = _enter(example, at, _BYTES_TAG)
        at, key_end = _enter(example, at, _BYTES_TAG)
        name = example[at:key_end].decode()
        at, feature_end = _enter(example, key_end, _FEATURE_TAG)
        kind = example[at]
        at, list_end = _enter(example, at, _FLOAT_LIST if kind == _FLOAT_LIST else _INT64_LIST)
        at, values_end = _enter(example, at, _BYTES_TAG)
        if not values_end == list_end == feature_end == entry_end <= end:
            raise ValueError(entry_end)
        lists[name] = (kind, example[at:values_end])
        at = values_end
    return lists


def _enter(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Start and end of the length-delimited field with `tag` at `at`."""
    if data[at] != tag:
        raise ValueError(at)
    size = data[at + 1]
    at += 2
    shift = 7
    if size > 127:
        size &= 127
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
    return at, at + size


def _unpacked_lists(example: bytes, number: int) -> dict[str, tuple[int, np.ndarray]]:
    """The lists of an Example in any other legal form."""
    try:
        features = wire.decode_example(example)
    except ValueError as error:
        raise ValueError(f"{number}: {error}") from None
    return {
        name: (_FLOAT_LIST if values.dtype == np.float32 else _INT64_LIST, values)
        for name, values in features.items()
    }


def _stack(name: str, lists: list[tuple[int, bytes | np.ndarray]]) -> np.ndarray:
    """One feature's values of all Examples: [examples, width]."""
    kinds = {kind for kind, _ in lists}
    if len(kinds) > 1:
        number = next(i for i, (kind, _) in enumerate(lists) if kind != lists[0][0])
        raise ValueError(f"{number}: expected one type for {name}, received integers and floats")
    decode = _floats if kinds == {_FLOAT_LIST} else _varints
    if all(isinstance(values, bytes) for _, values in lists):
        flat, counts = decode([values for _, values in lists])
    else:
        arrays = [v if isinstance(v, np.ndarray) else decode([v])[0] for _, v in lists]
        flat, counts = np.concatenate(arrays), np.array([len(array) for array in arrays])
    if (counts != counts[0]).any():
        number = int(np.flatnonzero(counts != counts[0])[0])
        raise ValueError(
            f"{number}: expected {counts[0]} values of {name}, received {counts[number]}"
        )
    return flat.reshape(len(lists), -1)


def _floats(payloads: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The values, and how many each payload holds."""
    sizes = np.array([len(payload) for payload in payloads])
    _refuse_broken(sizes % 4 != 0)
    return np.frombuffer(b"".join(payloads), "<f4"), sizes // 4


def _varints(payloads: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The values, and how many each payload holds."""
    data = np.frombuffer(b"".join(payloads), np.uint8)
    sizes = np.array([len(payload) for payload in payloads])
    last = data < 128
    if last.all():
        return data.astype(np.int64), sizes
    payload_ends = np.cumsum(sizes)
    _refuse_broken(~last[payload_ends - 1] & (sizes > 0))
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    values = (data[starts] & 127).astype(np.uint64)
    longer = np.flatnonzero(ends > starts)
    place = 1
    while len(longer):
        if place == _LONGEST_VARINT:
            broken = np.searchsorted(payload_ends, starts[longer[0]], side="right")
            _refuse_broken(np.arange(len(sizes)) == broken)
        part = (data[starts[longer] + place] & 127).astype(np.uint64)
        values[longer] |= part << np.uint64(7 * place)
        place += 1
        longer = longer[ends[longer] >= starts[longer] + place]
    counts = np.diff(np.searchsorted(ends, payload_ends), prepend=0)
    return values.astype(np.int64), counts


def _refuse_broken(broken: np.ndarray) -> None:
    if broken.any():
        raise ValueError(
            f"{int(np.flatnonzero(broken)[0])}: expected packed values, received a list that ends "
            "inside a value or holds one that is too long"
        )

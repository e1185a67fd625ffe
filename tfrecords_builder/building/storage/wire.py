"""tf.train.Example's wire format for whole blocks of records of one shape, without TensorFlow.

Building each Example through protobuf takes 80 microseconds; the features here are fixed-length
lists, so one matrix holds the bytes of a block of records and a mask drops the bytes that short
varints do not need. What comes out is what protobuf itself writes for features in this order.

Source: tensorflow/core/example/{example,feature}.proto; protobuf's encoding of packed varints.
"""

import dataclasses

import numpy as np

# Field numbers and wire types: every message and list here is length-delimited.
_LENGTH_DELIMITED_1 = 0x0A
_LENGTH_DELIMITED_2 = 0x12
_INT64_LIST = 0x1A
_FLOAT_LIST = 0x12
# Varints here take 4 bytes at most; a table of that many values would be too large anyway.
_LARGEST_INT = (1 << 21) - 1


@dataclasses.dataclass(frozen=True)
class Feature:
    """One feature of a record.

    Attributes:
        name: the key in the Example.
        width: values per record.
        max_value: the largest integer it holds (all are >= 0), or None for float32 values.
    """

    name: str
    width: int
    max_value: int | None


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint_sizes(values: np.ndarray) -> np.ndarray:
    """Bytes of each value's varint, for values below 2**28."""
    return 1 + (values > 127) + (values > 16383).astype(np.int64) + (values > 2097151)


def _varint_table(max_value: int) -> tuple[np.ndarray, np.ndarray]:
    """For every value its varint, and 1 for every byte of it, as little-endian uint32."""
    values = np.arange(max_value + 1, dtype=np.uint32)
    groups = np.stack([(values >> shift) & 127 for shift in (0, 7, 14, 21)], axis=1)
    sizes = _varint_sizes(values)[:, None]
    column = np.arange(4)
    encoded = (groups + 128 * (column < sizes - 1)).astype(np.uint8)
    keep = (column < sizes).astype(np.uint8)
    return encoded.view("<u4")[:, 0], keep.view("<u4")[:, 0]


@dataclasses.dataclass
class _Slot:
    """Where a feature stands in the row: columns of the varying lengths and of the values."""

    feature: Feature
    length_columns: list[int]
    values_column: int
    # Bytes around the packed values at each level, innermost first, without the varint itself.
    extra: list[int]
    table: tuple[np.ndarray, np.ndarray] | None


class ExampleEncoder:
    """Encodes blocks of records with the same features.

    Args:
        features: the features in the order of writing.
        reserve: bytes left free before and after each record (for TFRecord's framing).
    """

    def __init__(self, features: tuple[Feature, ...], reserve: tuple[int, int] = (0, 0)):
        for feature in features:
            if feature.max_value is not None and not 0 <= feature.max_value <= _LARGEST_INT:
                raise ValueError(
                    f"{feature.name}: expected a largest value from 0 to {_LARGEST_INT}, received "
                    f"{feature.max_value}. Use a smaller vocabulary or sequence length."
                )
        self._row = bytearray()
        self._row_keep = bytearray()
        self._constant(bytes(reserve[0]))
        self._constant(bytes([_LENGTH_DELIMITED_1]))
        self._total_column = self._space()
        self._fixed_bytes = 0
        self._slots = [self._add(feature) for feature in features]
        self._constant(bytes(reserve[1]))
        self._framing = sum(reserve)
        # No length is above that of the whole row.
        self._length_table = _varint_table(len(self._row))
        self._matrix = np.empty((0, len(self._row)), np.uint8)
        self._keep = np.empty((0, len(self._row)), bool)

    def _constant(self, data: bytes) -> None:
        self._row += data
        self._row_keep += b"\1" * len(data)

    def _space(self, size: int = 4) -> int:
        """Room for values that differ from record to record; returns its first column."""
        column = len(self._row)
        self._row += bytes(size)
        self._row_keep += bytes(size)
        return column

    def _add(self, feature: Feature) -> _Slot:
        key = feature.name.encode()
        key_field = bytes([_LENGTH_DELIMITED_1]) + _varint(len(key)) + key
        is_float = feature.max_value is None
        list_tag = _FLOAT_LIST if is_float else _INT64_LIST
        # Innermost first: the packed values, the list, the Feature, the map's entry.
        prefixes = [
            bytes([_LENGTH_DELIMITED_1]),
            bytes([list_tag]),
            key_field + bytes([_LENGTH_DELIMITED_2]),
            bytes([_LENGTH_DELIMITED_1]),
        ]
        if is_float or feature.max_value < 128:
            size = feature.width * (4 if is_float else 1)
            header = b""
            length = size
            for prefix in prefixes:
                header = prefix + _varint(length) + header
                length = size + len(header)
            self._constant(header)
            self._fixed_bytes += length
            column = len(self._row)
            self._constant(bytes(size))
            return _Slot(feature, [], column, [], None)
        columns = []
        for prefix in reversed(prefixes):
            self._constant(prefix)
            columns.append(self._space())
        table = _varint_table(feature.max_value)
        extra = [len(prefix) for prefix in prefixes]
        return _Slot(feature, columns[::-1], self._space(4 * feature.width), extra, table)

    def _room(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """The block's matrices; kept from call to call, for only the open columns change."""
        if len(self._matrix) < rows:
            self._matrix = np.tile(np.frombuffer(self._row, np.uint8), (rows, 1))
            self._keep = np.tile(np.frombuffer(self._row_keep, bool), (rows, 1))
        return self._matrix[:rows], self._keep[:rows]

    def encode(self, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Encodes a block.

        Args:
            arrays: by feature name the values [records, width] (or [records] for width 1).

        Returns:
            data: uint8 [bytes], the records one after the other, each with its reserve.
            lengths: int64 [records], bytes per record with its reserve.
        """
        rows = len(next(iter(arrays.values())))
        matrix, keep = self._room(rows)
        total = np.full(rows, self._fixed_bytes, np.int64)
        for slot in self._slots:
            values = arrays[slot.feature.name].reshape(rows, slot.feature.width)
            if slot.table is not None:
                total += self._fill_varying(matrix, keep, slot, values)
            elif slot.feature.max_value is None:
                view = np.ascontiguousarray(values, "<f4").view(np.uint8)
                matrix[:, slot.values_column : slot.values_column + view.shape[1]] = view
            else:
                matrix[:, slot.values_column : slot.values_column + values.shape[1]] = values
        self._fill_length(matrix, keep, self._total_column, total)
        lengths = total + 1 + _varint_sizes(total) + self._framing
        # Twice as fast as matrix[keep], whose speed falls with every change of the mask.
        return matrix.ravel().take(np.flatnonzero(keep)), lengths

    def _fill_varying(self, matrix, keep, slot: _Slot, values: np.ndarray) -> np.ndarray:
        """Writes a feature whose varints differ in size; returns its entry's bytes per record."""
        encoded, used = slot.table
        columns = slice(slot.values_column, slot.values_column + 4 * values.shape[1])
        matrix[:, columns] = encoded[values].view(np.uint8)
        keep[:, columns] = used[values].view(bool)
        length = np.count_nonzero(keep[:, columns], axis=1).astype(np.int64)
        for column, extra in zip(slot.length_columns, slot.extra, strict=True):
            self._fill_length(matrix, keep, column, length)
            length = length + _varint_sizes(length) + extra
        return length

    def _fill_length(self, matrix, keep, column: int, lengths: np.ndarray) -> None:
        encoded, used = self._length_table
        rows = (len(lengths), 4)
        matrix[:, column : column + 4] = encoded[lengths].view(np.uint8).reshape(rows)
        keep[:, column : column + 4] = used[lengths].view(bool).reshape(rows)


def decode_example(data: bytes) -> dict[str, np.ndarray]:
    """Parses one Example whose features are integers or floats.

    Args:
        data: a serialised tf.train.Example.

    Returns:
        By feature name an int64 or float32 array.

    Raises:
        ValueError: the bytes are not such an Example.
    """
    try:
        features = {}
        for _, message in _fields(memoryview(data)):
            for _, entry in _fields(message):
                parts = dict(_fields(entry))
                ((kind, values),) = _fields(parts[2])
                features[bytes(parts[1]).decode()] = _values(kind, values)
        return features
    except (IndexError, KeyError, TypeError, UnicodeDecodeError):
        raise ValueError(
            f"Expected a tf.train.Example of integers and floats, received {len(data)} bytes that "
            "are not one. Check that the file holds pretraining records."
        ) from None


def _fields(message: memoryview):
    """The (number, payload) of every field: memoryview, or int for a bare varint."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        if tag & 7 == 2:
            size, at = _read_varint(message, at)
            if at + size > len(message):
                raise IndexError(size)
            yield tag >> 3, message[at : at + size]
            at += size
        elif tag & 7 == 0:
            value, at = _read_varint(message, at)
            yield tag >> 3, value
        elif tag & 7 == 5:
            yield tag >> 3, message[at : at + 4]
            at += 4
        else:
            raise IndexError(tag)


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7


def _values(kind: int, message: memoryview) -> np.ndarray:
    """A list's values, packed or one field each."""
    if kind == 2:
        return np.frombuffer(b"".join(payload for _, payload in _fields(message)), "<f4")
    if kind != 3:
        raise KeyError(kind)
    values = []
    for _, payload in _fields(message):
        if isinstance(payload, int):
            values.append(payload)
            continue
        at = 0
        while at < len(payload):
            value, at = _read_varint(payload, at)
            values.append(value)
    return np.array(values, np.uint64).astype(np.int64)

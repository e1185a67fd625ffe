"""Dropout masks as a function of a key and a position, cheap enough to be made twice.

A generator's numbers cost more than all other elementwise work of a layer. A hash of the position
is a few integer operations inside a kernel that waits for memory anyway, so the backward pass
makes the mask again instead of reading a stored one. Every backend and device makes the same mask.
"""

from keras import ops

# Two rounds of multiply and xor-shift with constants found by search for low bias.
# Source: "lowbias32", C. Wellons, Prospecting for Hash Functions (2018).
_MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
# Odd, close to 2**32 divided by the golden ratio: spreads neighbouring positions.
_STRIDE = 0x9E3779B9


def _word(value: int):
    return ops.convert_to_tensor(value, "uint32")


def _mix(words):
    for shift, multiplier in zip((16, 15), _MULTIPLIERS, strict=True):
        words = ops.bitwise_xor(words, ops.right_shift(words, _word(shift)))
        words = ops.multiply(words, _word(multiplier))
    return ops.bitwise_xor(words, ops.right_shift(words, _word(16)))


def keep_mask(key, rows, columns, rate: float):
    """Which elements of a matrix dropout keeps.

    Args:
        key: uint32 tensor [2]; equal keys give equal masks, unequal ones independent masks.
        rows: number of rows.
        columns: number of columns; rows * columns stays below 2**32.
        rate: fraction dropped, to within 2**-32.

    Returns:
        bool tensor [rows, columns].
    """
    # The second word enters after a round: positions that collide under one key part there.
    first = _mix(ops.add(key[0], _mix(ops.bitwise_xor(key[1], _word(_STRIDE)))))
    second = _mix(ops.add(key[1], _mix(ops.bitwise_xor(first, key[0]))))
    row = ops.cast(ops.arange(rows, dtype="int32"), "uint32")
    column = ops.cast(ops.arange(columns, dtype="int32"), "uint32")
    row = ops.multiply(row, ops.cast(columns, "uint32"))
    position = ops.add(ops.expand_dims(row, 1), column)
    words = _mix(ops.bitwise_xor(ops.multiply(position, _word(_STRIDE)), first))
    words = _mix(ops.bitwise_xor(words, second))
    return ops.greater_equal(words, _word(min(round(rate * 2**32), 2**32 - 1)))


def drop(values, key, rate: float):
    """Sets what the mask drops of a matrix to zero and scales the rest by 1 / (1 - rate).

    Args:
        values: float tensor [rows, columns].
        key: see keep_mask; None drops nothing.
        rate: fraction dropped.
    """
    if key is None:
        return values
    rows, columns = ops.shape(values)
    kept = ops.multiply(values, ops.cast(1.0 / (1.0 - rate), values.dtype))
    return ops.where(keep_mask(key, rows, columns, rate), kept, ops.zeros((), values.dtype))

"""The checksum of TFRecord files: CRC-32C, masked, as TensorFlow's record_writer writes it."""

import google_crc32c
import numpy as np

_DELTA = 0xA282EAD8


def masked_crc32c(data: bytes) -> int:
    """TFRecord's checksum of `data`."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _DELTA) & 0xFFFFFFFF


def masked_crc32c_of_pieces(data: bytes, bounds) -> np.ndarray:
    """TFRecord's checksums of many pieces of `data`.

    Args:
        data: any bytes.
        bounds: (start, end) of each piece.

    Returns:
        uint32 [pieces], little-endian.
    """
    value = google_crc32c.value
    crcs = np.array([value(data[start:end]) for start, end in bounds], "<u4")
    return (crcs >> 15 | crcs << 17) + np.uint32(_DELTA)

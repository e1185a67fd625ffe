"""TFRecord files as files: framing, checksums, counts, records.

A record is framed by its length (8 bytes), the masked CRC-32C of that (4), its data, and the masked
CRC-32C of the data (4). Plain Python: worker processes, and checks that run before TensorFlow's
devices are set up, read records with it. `building.records` writes them.
"""

import gzip
import mmap
import os
import struct
import zlib
from collections.abc import Iterator

import google_crc32c
import numpy as np

HEADER_BYTES = 12
FOOTER_BYTES = 4
_CRC_DELTA = 0xA282EAD8
# The two magic bytes and "deflate". Read as a record's length they would mean 560 kB or more,
# which no pretraining record has.
_GZIP_MAGIC = b"\x1f\x8b\x08"


class CorruptRecordsError(ValueError):
    """A file of records that is cut off or damaged; the message names the file.

    Attributes:
        path: the file.
    """

    def __init__(self, message: str, path: str):
        super().__init__(message)
        self.path = path


def masked_crc32c(data: bytes) -> int:
    """TFRecord's checksum of `data`."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _CRC_DELTA) & 0xFFFFFFFF


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
    return (crcs >> 15 | crcs << 17) + np.uint32(_CRC_DELTA)


def is_gzip(path: str) -> bool:
    """Whether a file is gzip-compressed, by its first bytes, not its name."""
    with open(path, "rb") as file:
        return file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


def count_records(path: str) -> int:
    """The number of records in a file.

    Raises:
        CorruptRecordsError: the file ends inside a record or its gzip stream is damaged.
    """
    return sum(1 for _ in _frames(path))


def first_record(path: str) -> bytes:
    """The first record's bytes, with their checksums checked.

    Raises:
        CorruptRecordsError: the file ends inside its first record, has none, or its bytes are
            not those that were written.
    """
    for record in _frames(path, with_data=True):
        return record
    raise CorruptRecordsError(
        f"{path}: expected at least one record, the file is empty. Rebuild it or leave it out.",
        path,
    )


def read_records(path: str) -> Iterator[bytes]:
    """Yields every record's bytes, with their checksums checked.

    Raises:
        CorruptRecordsError: the file ends inside a record, or its bytes are not those that were
            written; names the record by number.
    """
    yield from _frames(path, with_data=True)


def whole_records(content: mmap.mmap) -> Iterator[bytes]:
    """Yields the records of an uncompressed file that may still be written, checking nothing.

    A record that is cut off ends the file.
    """
    end = 0
    while end + HEADER_BYTES <= len(content):
        (length,) = struct.unpack_from("<Q", content, end)
        start = end + HEADER_BYTES
        end = start + length + FOOTER_BYTES
        if end > len(content):
            return
        yield content[start : end - FOOTER_BYTES]


def _frames(path: str, with_data: bool = False) -> Iterator[bytes | None]:
    frames = _compressed_frames if is_gzip(path) else _plain_frames
    return frames(path, with_data)


def _plain_frames(path: str, with_data: bool) -> Iterator[bytes | None]:
    size = os.path.getsize(path)
    if size == 0:
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = number = 0
        while start < size:
            end = start + HEADER_BYTES
            if end <= size:
                (length,) = struct.unpack_from("<Q", data, start)
                end += length + FOOTER_BYTES
            if end > size:
                raise _broken(path, number, start, data[start : start + HEADER_BYTES])
            yield _record_of(data[start:end], path, number, start) if with_data else None
            start, number = end, number + 1


def _compressed_frames(path: str, with_data: bool) -> Iterator[bytes | None]:
    number = position = 0
    try:
        with gzip.open(path, "rb") as file:
            while header := file.read(HEADER_BYTES):
                if not _length_is_sound(header):
                    # Nothing of a length that was never written must be read or allocated.
                    raise _broken(path, number, position, header)
                length = struct.unpack("<Q", header[:8])[0]
                body = file.read(length + FOOTER_BYTES)
                if len(body) < length + FOOTER_BYTES:
                    raise _broken(path, number, position, header)
                yield _record_of(header + body, path, number, position) if with_data else None
                position, number = file.tell(), number + 1
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptRecordsError(
            f"{path}: expected a whole gzip stream, it is damaged after record {number} "
            f"({error.__class__.__name__}). Rebuild or copy the file again.",
            path,
        ) from None


def _record_of(frame: bytes, path: str, number: int, position: int) -> bytes:
    """A record's bytes, out of its whole frame."""
    if not _length_is_sound(frame[:HEADER_BYTES]):
        raise _broken(path, number, position, frame[:HEADER_BYTES])
    record = frame[HEADER_BYTES:-FOOTER_BYTES]
    if frame[-FOOTER_BYTES:] != _checksum(record):
        raise CorruptRecordsError(
            f"{path}: expected unchanged records, but the checksum of record {number} (from 0) at "
            f"byte {position} does not fit. It is damaged; rebuild or copy it again.",
            path,
        )
    return record


def _length_is_sound(header: bytes) -> bool:
    return len(header) == HEADER_BYTES and header[8:] == _checksum(header[:8])


def _checksum(data: bytes) -> bytes:
    return masked_crc32c(data).to_bytes(4, "little")


def _broken(path: str, number: int, position: int, header: bytes) -> CorruptRecordsError:
    if len(header) == HEADER_BYTES and not _length_is_sound(header):
        return CorruptRecordsError(
            f"{path}: expected TFRecords, but the length of record {number} (from 0) at byte "
            f"{position} does not fit its checksum. It is damaged or not a TFRecord file; rebuild "
            "or copy it again, or name files of records.",
            path,
        )
    return CorruptRecordsError(
        f"{path}: expected whole records, the file ends inside record {number} (from 0) at byte "
        f"{position}. It is truncated or not a TFRecord file; rebuild or copy it again.",
        path,
    )

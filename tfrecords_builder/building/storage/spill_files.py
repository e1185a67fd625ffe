"""The spill's files: a file of documents for each worker that wrote, an index for each shard."""

import contextlib
import os
import zlib

import numpy as np

RESERVE = "reserve"
INDEX = np.dtype(
    [
        ("shard", "<u4"),
        # The process that wrote it, which names the file.
        ("file", "<u4"),
        ("key", "<u8"),
        ("offset", "<u8"),
        ("bytes", "<u8"),
        ("sentences", "<u4"),
        ("tokens", "<u4"),
    ]
)
# The type of sentences' lengths, in front of a document's wordpieces.
LENGTH = np.dtype("<u4")


def token_type(vocab_size: int) -> np.dtype:
    """The smallest integers that hold every id."""
    return np.dtype("<u2") if vocab_size <= 1 << 16 else np.dtype("<i4")


def index_path(folder: str, name: int | str) -> str:
    """The index of a shard, by its number, or the reserve's."""
    return os.path.join(folder, name if isinstance(name, str) else f"shard-{name:05d}") + ".index"


def documents_path(folder: str, file: int) -> str:
    """The documents that one process wrote."""
    return os.path.join(folder, f"{file}.documents")


def read_index(folder: str, name: int | str) -> np.ndarray:
    """The rows of an index in the order of their keys; none if there is no such file."""
    path = index_path(folder, name)
    if not os.path.exists(path):
        return np.zeros(0, INDEX)
    index = np.fromfile(path, INDEX)
    index = index[np.argsort(index["key"], kind="stable")]
    tied = index["key"][1:] == index["key"][:-1]
    return _settle_ties(folder, index, tied) if tied.any() else index


def _settle_ties(folder: str, index: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """Orders documents of one id, as a source may have, by what they hold."""
    checksums = np.zeros(len(index), np.uint32)
    rows = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
    for row in rows:
        checksums[row] = zlib.crc32(read_payloads(folder, index[row : row + 1])[0])
    return index[np.lexsort((checksums, index["key"]))]


def read_payloads(folder: str, rows: np.ndarray) -> list[bytes]:
    """The documents that rows of an index name.

    Raises:
        ValueError: a file ends too early.
    """
    with contextlib.ExitStack() as stack:
        descriptors = {}
        for file in np.unique(rows["file"]).tolist():
            descriptors[file] = os.open(documents_path(folder, file), os.O_RDONLY)
            stack.callback(os.close, descriptors[file])
        columns = [rows[name].tolist() for name in ("file", "bytes", "offset")]
        payloads = [
            os.pread(descriptors[file], size, offset)
            for file, size, offset in zip(*columns, strict=True)
        ]
    for payload, file, size in zip(payloads, *columns[:2], strict=True):
        if len(payload) != size:
            raise damaged(documents_path(folder, file), f"{size} bytes", str(len(payload)))
    return payloads


def damaged(path: str, expected: str, received: str) -> ValueError:
    """The error of a file that lost a part, as in a power cut."""
    return ValueError(
        f"Expected {expected} of tokenized notes in {path}, received {received}: the file lost "
        f"some. Remove {os.path.dirname(path)}, then start the same command again to tokenize "
        "the notes again."
    )

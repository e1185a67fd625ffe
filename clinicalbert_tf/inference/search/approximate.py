"""An approximate index of vectors, by the extra `usearch`: for more than a million of them."""

import importlib.util
import os

import numpy as np

from tfrecords_builder.files import open_private

_BLOCK = 1 << 14


def is_installed() -> bool:
    """Whether usearch can be imported."""
    return importlib.util.find_spec("usearch") is not None


def require() -> None:
    """Checks before the work that usearch is there.

    Raises:
        ImportError: it is not.
    """
    _usearch()


def _usearch():
    try:
        from usearch.index import Index
    except ImportError:
        raise ImportError(
            "Expected the package usearch, found none. Install the extra: pip install "
            "'clinicalbert_tf[search]', or choose --engine=exact."
        ) from None
    return Index


def build(vectors: np.ndarray, path: str) -> None:
    """Writes the index of unit vectors, float32 array [vectors, size].

    Raises:
        ImportError: without usearch.
    """
    index = _usearch()(ndim=vectors.shape[1], metric="ip", dtype="f32")
    for start in range(0, len(vectors), _BLOCK):
        block = np.ascontiguousarray(vectors[start : start + _BLOCK])
        index.add(np.arange(start, start + len(block), dtype=np.uint64), block)
    # It is written by path: open_private has made the file, so it keeps its mode.
    with open_private(path) as file:
        index.save(file.name)
        os.chmod(file.name, 0o600)


class ApproximateIndex:
    """An index that `build` wrote.

    Args:
        path: its file.

    Raises:
        ImportError: without usearch.
    """

    def __init__(self, path: str):
        self._index = _usearch().restore(path, view=True)

    def nearest(self, query: np.ndarray, count: int) -> np.ndarray:
        """The places of about the nearest vectors, int array [at most count]."""
        return self._index.search(query, count).keys.astype(np.int64)

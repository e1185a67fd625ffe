"""Token sequences in a file instead of in memory."""

import array
import os
import tempfile

import numpy as np

_BYTES = 4
_READ_AT_ONCE = 1 << 22


class SequenceFile:
    """int32 sequences in a file without a name; eight bytes each stay in memory.

    The file is gone when it is closed or the process ends, however it ends. Sequences are read with
    plain reads, not through a memory map, whose pages would count as the process's memory.

    Args:
        folder: where the file lies (0600); None for the system's folder of temporary files.
    """

    def __init__(self, folder: str | None = None):
        # Lives as long as the source that reads from it.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115
        self._ends = array.array("q")

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def lengths(self) -> np.ndarray:
        """Length of each sequence, int32 [sequences]."""
        ends = np.frombuffer(self._ends, np.int64) if self._ends else np.zeros(0, np.int64)
        return np.diff(ends, prepend=0).astype(np.int32)

    def add(self, sequence: np.ndarray) -> None:
        """Appends a sequence of integers."""
        self._file.write(np.ascontiguousarray(sequence, np.int32).tobytes())
        self._ends.append((self._ends[-1] if self._ends else 0) + len(sequence))

    def __getitem__(self, place: int) -> np.ndarray:
        """A sequence, int32 [length]."""
        if not 0 <= place < len(self):
            raise IndexError(f"Expected a place from 0 to {len(self) - 1}, received {place}.")
        start = self._ends[place - 1] if place else 0
        return self._read(start, self._ends[place] - start)

    def padded(self, places: np.ndarray, width: int) -> np.ndarray:
        """Sequences, padded with 0: int32 [places, width].

        Args:
            places: int [places].
            width: no less than the longest of them.
        """
        rows = np.zeros((len(places), width), np.int32)
        for row, place in zip(rows, places.tolist(), strict=True):
            sequence = self[place]
            row[: len(sequence)] = sequence
        return rows

    def update(self, digest) -> None:
        """Adds all sequences to a hashlib digest."""
        self._file.flush()
        start, end = 0, self._ends[-1] * _BYTES if self._ends else 0
        while start < end:
            digest.update(os.pread(self._file.fileno(), min(_READ_AT_ONCE, end - start), start))
            start = min(start + _READ_AT_ONCE, end)

    def _read(self, start: int, length: int) -> np.ndarray:
        self._file.flush()
        packed = os.pread(self._file.fileno(), length * _BYTES, start * _BYTES)
        return np.frombuffer(packed, np.int32)

"""Rows of numbers in a file instead of in memory."""

import os
import tempfile

import numpy as np

_BYTES = 4


class RowFile:
    """float32 rows of one width in a file without a name; they are written in any order.

    The file is gone when it is closed or the process ends, however it ends. Rows are read with
    plain reads, not through a memory map, whose pages would count as the process's memory.

    Args:
        folder: where the file lies (0600); None for the system's folder of temporary files.
    """

    def __init__(self, folder: str | None = None):
        # Lives as long as what reads from it.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._rows = self._width = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, values per row)."""
        return self._rows, self._width

    def put(self, places: np.ndarray, rows: np.ndarray) -> None:
        """Writes rows at their places.

        Args:
            places: int [rows].
            rows: float [rows, width].

        Raises:
            ValueError: the width is not that of the rows before.
        """
        rows = np.ascontiguousarray(rows, np.float32)
        if self._rows and rows.shape[1] != self._width:
            raise ValueError(f"Expected rows of {self._width} values, received {rows.shape[1]}.")
        self._width = rows.shape[1]
        for place, row in zip(places.tolist(), rows, strict=True):
            os.pwrite(self._file.fileno(), row.tobytes(), place * self._width * _BYTES)
            self._rows = max(self._rows, place + 1)

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Consecutive rows, float32 [rows, width]."""
        start, stop, step = rows.indices(self._rows)
        if step != 1:
            raise IndexError(f"Expected consecutive rows, received a step of {step}.")
        values = np.empty((max(0, stop - start), self._width), np.float32)
        left, place = values.reshape(-1).view(np.uint8), start * self._width * _BYTES
        # One read gives at most 2 GiB.
        while len(left):
            read = os.preadv(self._file.fileno(), [left], place)
            left, place = left[read:], place + read
        return values

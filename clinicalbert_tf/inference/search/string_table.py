"""Many strings in two files, read one by one without loading the others."""

import os
from collections.abc import Iterable

import numpy as np

from tfrecords_builder.files import open_private

# JSON may hold half of a surrogate pair; it is kept as it came.
_ERRORS = "surrogatepass"


def write_strings(folder: str, name: str, strings: Iterable[str]) -> int:
    """Writes strings one after the other, and where each ends; returns how many they are."""
    ends, end = [], 0
    with open_private(os.path.join(folder, f"{name}.utf8")) as file:
        for string in strings:
            data = string.encode("utf-8", _ERRORS)
            file.write(data)
            end += len(data)
            ends.append(end)
    with open_private(os.path.join(folder, f"{name}_ends.npy")) as file:
        np.save(file, np.array(ends, np.int64))
    return len(ends)


class StringTable:
    """Strings that `write_strings` wrote.

    Args:
        folder: the folder.
        name: as they were written.
    """

    def __init__(self, folder: str, name: str):
        path = os.path.join(folder, f"{name}.utf8")
        self._ends = np.load(os.path.join(folder, f"{name}_ends.npy"), mmap_mode="r")
        # An empty file cannot be mapped.
        filled = os.path.getsize(path) > 0
        self._data = np.memmap(path, np.uint8, "r") if filled else np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        start = int(self._ends[number - 1]) if number else 0
        return self._data[start : int(self._ends[number])].tobytes().decode("utf-8", _ERRORS)

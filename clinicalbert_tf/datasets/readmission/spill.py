"""The notes that were chosen, on disk until their admissions' texts are put together."""

import array
import dataclasses
import tempfile

import numpy as np

MISSING = -1


@dataclasses.dataclass(frozen=True)
class Choice:
    """Where a note belongs.

    Attributes:
        admission: row of the admission.
        sets: bits of the sets that use it, `1 << place in SETS`.
        order: notes of an admission are read by it, then in file order.
        is_missing: whether the reference reads the text as missing.
    """

    admission: int
    sets: int
    order: int
    is_missing: bool = False


class NoteSpill:
    """Texts in a file without a name, places in memory: about 48 bytes per note.

    The file is gone when it is closed or the process ends, however it ends.

    Args:
        folder: where the file lies; needs as much space as the chosen notes have bytes.
    """

    def __init__(self, folder: str):
        # Closed by __exit__.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115
        self._end = 0
        self._rows = array.array("q")
        self._table: np.ndarray | None = None

    def __enter__(self) -> "NoteSpill":
        return self

    def __exit__(self, *unused) -> None:
        self._file.close()

    def add(self, choice: Choice, text: str) -> None:
        """Keeps one note."""
        packed = b"" if choice.is_missing else text.encode("utf-8")
        size = MISSING if choice.is_missing else len(packed)
        self._file.write(packed)
        self._rows.extend((choice.admission, choice.order, choice.sets, self._end, size))
        self._end += len(packed)

    def finish(self) -> None:
        """Sorts the places; after it texts are read, and none added."""
        self._file.flush()
        table = np.frombuffer(self._rows, np.int64).reshape(-1, 5)
        # Stable: notes of equal order stay in file order.
        self._table = table[np.lexsort((table[:, 1], table[:, 0]))]

    def texts(self, admission: int, sets: int) -> list[str | None]:
        """The notes of an admission that are in one of the sets; None for one that is missing."""
        first, last = np.searchsorted(self._table[:, 0], (admission, admission + 1))
        found: list[str | None] = []
        for _, _, of_sets, start, size in self._table[first:last].tolist():
            if of_sets & sets:
                self._file.seek(start)
                found.append(None if size == MISSING else self._file.read(size).decode("utf-8"))
        return found

    def admissions(self) -> set[int]:
        """Rows of the admissions that have a note in any set."""
        return set(np.unique(self._table[:, 0]).tolist())

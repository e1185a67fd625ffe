"""Long texts in a file instead of in memory, and the examples that stand for them."""

import os
import tempfile
from collections.abc import Sequence

from clinicalbert_tf.datasets.classification.examples import Example, Label

# (first byte, bytes) of a text.
Place = tuple[int, int]


class TextStore:
    """Texts in a file without a name: gone when the process ends, however it ends.

    Args:
        folder: where the file lies (0600); needs as much space as the texts have bytes. None for
            the system's folder of temporary files.
    """

    def __init__(self, folder: str | None = None):
        # Lives as long as the examples that read from it.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115
        self._end = 0

    def add(self, text: str) -> Place:
        """Keeps a text; returns where it is."""
        packed = text.encode("utf-8", "surrogatepass")
        self._file.write(packed)
        self._end += len(packed)
        return self._end - len(packed), len(packed)

    def read(self, place: Place) -> str:
        """The text at a place."""
        self._file.flush()
        start, size = place
        return os.pread(self._file.fileno(), size, start).decode("utf-8", "surrogatepass")


def stored(example: Example, texts: TextStore | None) -> Example:
    """The example with its text in a store; as it is without a store, and if it is a pair."""
    if texts is None or example.text_b is not None:
        return example
    return StoredExample(
        example.id,
        texts,
        [texts.add(example.text_a)],
        label=example.label,
        group=example.group,
        line=example.line,
    )


class StoredExample(Example):
    """An Example whose text is read from a TextStore each time that it is asked for.

    Args:
        id, label, group, line: see Example.
        store: holds the texts.
        places: of the texts that are joined to one.
        separator: between them.
    """

    __slots__ = ("_places", "_separator", "_store")

    def __init__(
        self,
        id: str,
        store: TextStore,
        places: Sequence[Place],
        separator: str = "",
        label: Label = None,
        group: str | None = None,
        line: int = 0,
    ):
        values = {
            "id": id, "text_b": None, "label": label, "group": group, "line": line,
            "_store": store, "_places": tuple(places), "_separator": separator,
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def text_a(self) -> str:
        """The text; protected health information."""
        return self._separator.join(map(self._store.read, self._places))

    def with_label(self, label: Label) -> "StoredExample":
        """The same example with another label."""
        return StoredExample(
            self.id, self._store, self._places, self._separator, label, self.group, self.line
        )

    def with_text(self, text: str) -> "StoredExample":
        """The same example with another text, which is kept in the store too."""
        place = self._store.add(text)
        return StoredExample(self.id, self._store, [place], "", self.label, self.group, self.line)

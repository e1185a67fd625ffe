"""The unfinished output: a folder of finished parts, so that a restart repeats none of them.

The folder stands beside the output as `<output>.parts`. Its settings.json says what the parts were
made from and with; another run takes them up only if it would make the same. A part's name says
which rows it holds, and it has that name only when it is whole.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tfrecords_builder.files import open_private, try_lock, write_private

_SETTINGS_NAME = "settings.json"
_PART = re.compile(r"part-(\d{12})-(\d{12})$")


class PartsFolder:
    """The parts of one output; a context manager that keeps other processes out.

    Args:
        output_file: the output that the parts belong to.
        settings: what a part depends on, as JSON values.
        restart: whether to throw away parts of an earlier run.

    Attributes:
        path: the folder.
        rows_done: rows in finished parts, counted from the start of the input without a gap.

    Raises:
        ValueError: on entering: another run is at work here, or the parts were made with other
            settings; names every difference.
    """

    def __init__(self, output_file: str, settings: dict, restart: bool = False):
        self.path = f"{output_file}.parts"
        self.rows_done = 0
        self._settings = settings
        self._restart = restart
        self._names: list[str] = []
        self._lock: int | None = None

    def __enter__(self) -> "PartsFolder":
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        self._lock = os.open(self.path, os.O_RDONLY)
        if not try_lock(self._lock):
            os.close(self._lock)
            raise ValueError(
                f"Expected {self.path} to be free, found another process writing the same output. "
                "Wait for it, or choose another --output_file."
            )
        try:
            self._take_up()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_) -> None:
        if not self.rows_done and os.path.isdir(self.path):
            self.remove()
        self._release()

    def add(self, rows: int, write: Callable[[BinaryIO], None]) -> None:
        """Adds the next part.

        Args:
            rows: rows in it.
            write: writes it into a binary file.
        """
        name = f"part-{self.rows_done:012d}-{self.rows_done + rows:012d}"
        with open_private(os.path.join(self.path, name)) as file:
            write(file)
        self._names.append(name)
        self.rows_done += rows

    def paths(self) -> list[str]:
        """The parts, in the order of their rows."""
        return [os.path.join(self.path, name) for name in self._names]

    def remove(self) -> None:
        """Deletes the folder: its output is complete."""
        shutil.rmtree(self.path)

    def _release(self) -> None:
        os.close(self._lock)

    def _take_up(self) -> None:
        if self._restart:
            for name in os.listdir(self.path):
                os.unlink(os.path.join(self.path, name))
        self._names = list(self._whole_parts())
        path = os.path.join(self.path, _SETTINGS_NAME)
        if not self._names:
            write_private(path, json.dumps(self._settings, indent=1, sort_keys=True))
            return
        with open(path, encoding="utf-8") as file:
            self._check_settings(json.load(file))
        self.rows_done = int(_PART.match(self._names[-1])[2])

    def _check_settings(self, earlier: dict) -> None:
        differences = [
            f"{key}: {earlier.get(key)!r} then, {self._settings.get(key)!r} now"
            for key in sorted({*earlier, *self._settings})
            if earlier.get(key) != self._settings.get(key)
        ]
        if differences:
            raise ValueError(
                f"Expected the settings of the unfinished run in {self.path}, received others "
                f"({'; '.join(differences)}). Give the same flags, or --restart to drop its parts."
            )

    def _whole_parts(self) -> Iterator[str]:
        end = 0
        for name in sorted(os.listdir(self.path)):
            part = _PART.match(name)
            if part and int(part[1]) == end:
                end = int(part[2])
                yield name
            elif name != _SETTINGS_NAME:
                # What a killed run left half written.
                os.unlink(os.path.join(self.path, name))

"""Several files that grow together, so that a killed run resumes where all of them agree."""

import contextlib
import gzip
import json
import os
import time
from collections.abc import Mapping

from tfrecords_builder.files import try_lock, write_private

SECONDS_BETWEEN_SAVES = 2.0


class Outputs:
    """Files written under temporary names beside their own until all are complete; mode 0600.

    After every save `PROGRESS` holds how many rows are in all of them and the length of each: what
    a kill left behind that is cut off. A second process is refused.

    Args:
        paths: name -> final path; .gz is compressed.
        fingerprint: what the run depends on; another one does not resume.

    Raises:
        ValueError: an unfinished run with another fingerprint, or one that is still running.
        FileExistsError: one of the files is there already.
    """

    def __init__(self, paths: Mapping[str, str], fingerprint: dict):
        self._paths = dict(paths)
        first = next(iter(self._paths.values()))
        self._progress_path = f"{first}.progress.json"
        self._fingerprint = fingerprint
        self._lock = os.open(f"{first}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not try_lock(self._lock):
            raise ValueError(f"Expected one process for {first}, another one is writing it.")
        try:
            state = self._resume()
        except (OSError, ValueError):
            self._files = {}
            self.close()
            raise
        self.rows = state["rows"]
        self.totals = state["totals"]
        # Whether anything was written: a header, or rows.
        self.started = any(state["sizes"].values()) or state["rows"] > 0
        self._done = state.get("done", False)
        self._files = {}
        if not self._done:
            self._open(state["sizes"])
        self._last_save = time.monotonic()

    def write(self, rows: int, pieces: Mapping[str, bytes], totals: dict) -> None:
        """Appends the pieces of some rows.

        Args:
            rows: how many.
            pieces: name -> bytes.
            totals: the running totals after them, kept for a resumed run.
        """
        for name, piece in pieces.items():
            if piece:
                compressed = self._paths[name].endswith(".gz")
                self._files[name].write(gzip.compress(piece, 6) if compressed else piece)
        self.rows += rows
        self.totals = totals
        if time.monotonic() - self._last_save > SECONDS_BETWEEN_SAVES:
            self._save()

    def finish(self) -> None:
        """Gives all files their names."""
        if not self._done:
            self._save(done=True)
            for file in self._files.values():
                file.close()
        for path in self._paths.values():
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}.partial", path)
        os.unlink(self._progress_path)
        self.close()

    def close(self) -> None:
        """Saves what there is and lets another process continue with it."""
        for file in self._files.values():
            if not file.closed:
                file.close()
        with contextlib.suppress(OSError):
            os.unlink(f"{next(iter(self._paths.values()))}.lock")
            os.close(self._lock)

    def _resume(self) -> dict:
        if not os.path.exists(self._progress_path):
            for path in self._paths.values():
                if os.path.exists(path):
                    raise FileExistsError(
                        f"Expected no file at {path}, found one. Remove it or name another output: "
                        "nothing is overwritten."
                    )
            return {"rows": 0, "totals": {}, "sizes": dict.fromkeys(self._paths, 0)}
        with open(self._progress_path, encoding="utf-8") as file:
            state = json.load(file)
        if state["fingerprint"] != self._fingerprint:
            changed = sorted(
                key
                for key in {*state["fingerprint"], *self._fingerprint}
                if state["fingerprint"].get(key) != self._fingerprint.get(key)
            )
            raise ValueError(
                f"Expected the settings of the unfinished run of {self._progress_path}, received "
                f"other ones: {changed}. Use the same, or remove that file and the .partial ones."
            )
        return state

    def _open(self, sizes: Mapping[str, int]) -> None:
        for name, path in self._paths.items():
            flags = os.O_RDWR | os.O_CREAT
            file = os.fdopen(os.open(f"{path}.partial", flags, 0o600), "r+b")
            file.truncate(sizes[name])
            file.seek(0, os.SEEK_END)
            if file.tell() != sizes[name]:
                raise ValueError(
                    f"Expected {sizes[name]} bytes in {path}.partial, found {file.tell()}. Remove "
                    f"{self._progress_path} and start again."
                )
            self._files[name] = file

    def _save(self, done: bool = False) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        state = {
            "fingerprint": self._fingerprint,
            "rows": self.rows,
            "totals": self.totals,
            "sizes": {name: file.tell() for name, file in self._files.items()},
            "done": done,
        }
        write_private(self._progress_path, json.dumps(state))
        self._last_save = time.monotonic()

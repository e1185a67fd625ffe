"""The folder a build works in: what it may touch, what is finished, what a killed build left.

While a build runs, `.unfinished/` holds its plan, the spilled documents and a note on each
finished shard; it goes when the manifest is written. Started again with the same plan, a build
goes on from there.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

from tfrecords_builder import schema
from tfrecords_builder.storage import private_file

UNFINISHED = ".unfinished"
_PLAN = "plan.json"
_DOCUMENTS = "documents.json"
_LOCK = "lock"
_RECORDS = re.compile(r"part-\d{5}-of-\d{5}\.tfrecord(\.gz)?")
_TEMPORARY = re.compile(rf"({_RECORDS.pattern}|manifest\.json|vocab\.txt)\.tmp-\d+")


class BuildFolder:
    """A folder of records in the making.

    Args:
        output_dir: the folder of records; made for its owner only where missing.
    """

    def __init__(self, output_dir: str):
        self.output_dir = output_dir
        self._unfinished = os.path.join(output_dir, UNFINISHED)
        self.spill_folder = os.path.join(self._unfinished, "documents")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder against a second build at the same time.

        Raises:
            RuntimeError: another build holds it.
            OSError: the folder cannot be made or written.
        """
        for path in (self.output_dir, self._unfinished):
            os.makedirs(path, mode=0o700, exist_ok=True)
        path = os.path.join(self._unfinished, _LOCK)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeError(
                    f"Expected to build alone in {self.output_dir}, received a folder where "
                    "another build is running. Wait for it or take another --output_dir."
                ) from None
            yield

    def check_free(self, overwrite: bool) -> None:
        """Refuses a folder with finished records before anything in it is touched.

        Raises:
            FileExistsError: it holds records that no killed build of this package left.
        """
        if overwrite or not os.path.isdir(self.output_dir):
            return
        if os.path.exists(os.path.join(self._unfinished, _PLAN)):
            return
        held = self._named(_RECORDS)
        if os.path.exists(os.path.join(self.output_dir, schema.MANIFEST_NAME)):
            held.append(schema.MANIFEST_NAME)
        if held:
            raise FileExistsError(
                f"Expected an --output_dir without records, received {self.output_dir} with "
                f"{len(held)} files of them ({held[0]}, ...). Take another folder, or "
                "--overwrite to replace them."
            )

    def begin(self, plan: dict[str, Any], overwrite: bool) -> bool:
        """Takes up the plan: goes on with a killed build or starts anew.

        A build killed before its documents were all tokenized left nothing to go on with, so
        that another plan may take its place.

        Args:
            plan: what shapes the records, as JSON values.
            overwrite: drop what is there.

        Returns:
            Whether there is a killed build to go on with.

        Raises:
            ValueError: the killed build had another plan; names every difference.
        """
        path = os.path.join(self._unfinished, _PLAN)
        if self.documents() and os.path.exists(path) and not overwrite:
            with open(path, encoding="utf-8") as file:
                before = json.load(file)
            if differences := _differences(before, plan):
                raise ValueError(
                    f"Expected the settings and inputs of the unfinished build in "
                    f"{self.output_dir}, received others: {'; '.join(differences)}. Start it with "
                    "the same ones, take another --output_dir, or --overwrite to begin anew."
                )
            self._remove(_TEMPORARY)
            return True
        # The manifest first: records without one are unfinished.
        if os.path.exists(os.path.join(self.output_dir, schema.MANIFEST_NAME)):
            os.unlink(os.path.join(self.output_dir, schema.MANIFEST_NAME))
        self._remove(_RECORDS)
        self._remove(_TEMPORARY)
        for name in os.listdir(self._unfinished):
            if name != _LOCK and name != os.path.basename(self.spill_folder):
                os.unlink(os.path.join(self._unfinished, name))
        self._write(_PLAN, plan)
        return False

    def documents(self) -> dict[str, Any] | None:
        """What the tokenization step counted, or None while it is unfinished."""
        return self._read(_DOCUMENTS)

    def empty_spill(self) -> None:
        """Makes the spill folder anew."""
        shutil.rmtree(self.spill_folder, ignore_errors=True)
        os.makedirs(self.spill_folder, mode=0o700)

    def finish_documents(self, counted: dict[str, Any]) -> None:
        """Notes that every document is spilled."""
        self._write(_DOCUMENTS, counted)

    def finished_shard(self, file: str) -> dict[str, Any] | None:
        """The note on a finished shard, or None while it is unfinished."""
        noted = self._read(f"{file}.json")
        path = os.path.join(self.output_dir, file)
        if noted and os.path.exists(path) and os.path.getsize(path) == noted["bytes"]:
            return noted
        return None

    def finish_shard(self, shard: dict[str, Any]) -> None:
        """Notes that a shard has its final name."""
        self._write(f"{shard['file']}.json", shard)

    def finish(self) -> None:
        """Removes everything but the records, after the manifest is written."""
        # The plan first: without it a build that is killed here counts as finished.
        os.unlink(os.path.join(self._unfinished, _PLAN))
        shutil.rmtree(self._unfinished)

    def _named(self, pattern: re.Pattern) -> list[str]:
        return list(filter(pattern.fullmatch, sorted(os.listdir(self.output_dir))))

    def _remove(self, pattern: re.Pattern) -> None:
        for name in self._named(pattern):
            os.unlink(os.path.join(self.output_dir, name))

    def _read(self, name: str) -> dict[str, Any] | None:
        path = os.path.join(self._unfinished, name)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def _write(self, name: str, value: dict[str, Any]) -> None:
        with private_file.open_private_file(os.path.join(self._unfinished, name)) as file:
            file.write(json.dumps(value, sort_keys=True).encode())


def _differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Where two JSON values differ, as "name: A there, B now"."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        pairs = [(f"{name}.{key}".lstrip("."), before.get(key), now.get(key)) for key in keys]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        values = enumerate(zip(before, now, strict=True))
        pairs = [(f"{name}[{i}]", a, b) for i, (a, b) in values]
    else:
        return [] if before == now else [f"{name}: {before} there, {now} now"]
    return [difference for label, a, b in pairs for difference in _differences(a, b, label)]

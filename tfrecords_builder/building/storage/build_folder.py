"""The folder a build works in: what it may touch, what is finished, what a killed build left.

While a build runs, `.unfinished/` holds its plan, the spilled documents and a note on each
finished shard; it goes when the manifest is written. Started again with the same plan, a build
resumes there.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any, BinaryIO

from tfrecords_builder import files, schema

UNFINISHED = ".unfinished"
_PLAN = "plan.json"
_DOCUMENTS = "documents.json"
_LOCK = "lock"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_RECORDS = re.compile(r"part-\d{5}-of-\d{5}\.tfrecord(\.gz)?")
# What a build writes beside the records, and wrote there in older versions.
_BESIDE = ("manifest.json", "vocab.txt", "NOTEEVENTS.csv.gz")
# See `files.temporary_name`; visible ones with a process number are of older versions.
_TEMPORARY = re.compile(
    rf"\.?({_RECORDS.pattern}|{'|'.join(map(re.escape, _BESIDE))})(\.tmp-[0-9a-f]+)+"
)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is what a killed build left unfinished beside the records."""
    return bool(_TEMPORARY.fullmatch(name))


class BuildFolder:
    """A folder of records in the making.

    Args:
        output_dir: the folder of records; made for its owner only where missing.

    Raises:
        ValueError: it is the address of something else than a folder.
    """

    def __init__(self, output_dir: str):
        if _ADDRESS.match(output_dir):
            raise ValueError(
                f"Expected --output_dir to be a folder of this machine, received {output_dir}. "
                "Name one, or use --runner=beam for gs://, s3://, hdfs:// or azfs://."
            )
        self.output_dir = output_dir
        self._unfinished = os.path.join(output_dir, UNFINISHED)
        self.spill_folder = os.path.join(self._unfinished, "documents")

    @contextlib.contextmanager
    def locked(self, overwrite: bool = False) -> Iterator[None]:
        """Holds the folder against a second build at the same time.

        Args:
            overwrite: hold it even if it has finished records.

        Raises:
            FileExistsError: it holds records that no killed build of this package left.
            RuntimeError: another build holds it.
            OSError: the folder cannot be made or written; names it.
        """
        # Before anything is touched, and again when no other build can finish meanwhile.
        self._check_free(overwrite)
        with self._lock():
            self._check_free(overwrite)
            yield

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Holds the lock's file, and deletes it again if no build was started."""
        path = os.path.join(self._unfinished, _LOCK)
        with contextlib.ExitStack() as stack:
            file = None
            # A build that finished meanwhile removed its lock: a third may hold a new one.
            while file is None or not _is_at(file, path):
                with files.naming(path):
                    file = stack.enter_context(self._open_lock(path))
                if not files.try_lock(file):
                    raise RuntimeError(
                        f"Expected to build alone in {self.output_dir}, received a folder where "
                        "another build is running. Wait for it or take another --output_dir."
                    )
            try:
                yield
            finally:
                if _is_at(file, path) and os.listdir(self._unfinished) == [_LOCK]:
                    self._remove_lock()

    def _open_lock(self, path: str) -> BinaryIO:
        while True:
            for folder in (self.output_dir, self._unfinished):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                # Missing if a build that finishes removed the folder just now.
                return open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb")

    def _remove_lock(self) -> None:
        os.unlink(os.path.join(self._unfinished, _LOCK))
        # Another start may have made its own lock there just now.
        with contextlib.suppress(OSError):
            os.rmdir(self._unfinished)

    def _check_free(self, overwrite: bool) -> None:
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

    def goes_on(self, plan: dict[str, Any], overwrite: bool) -> bool:
        """Whether `begin` would resume a killed build, whose documents are all tokenized."""
        return self._differences_from_killed(plan, overwrite) == []

    def begin(self, plan: dict[str, Any], overwrite: bool) -> bool:
        """Takes up the plan: resumes a killed build or starts from scratch.

        A build killed before its documents were all tokenized left nothing to resume, so
        that another plan may take its place.

        Args:
            plan: what shapes the records, as JSON values.
            overwrite: drop finished records, and what a killed build with another plan left. One
                with the same plan resumes: repeating a command loses nothing.

        Returns:
            Whether there is a killed build to resume.

        Raises:
            FileExistsError: another vocabulary lies where the records' will lie.
            ValueError: the killed build had another plan; names every difference.
        """
        if differences := self._differences_from_killed(plan, overwrite):
            if not overwrite:
                raise ValueError(
                    f"Expected the settings and inputs of the unfinished build in "
                    f"{self.output_dir}, received others: {'; '.join(differences)}. Start it with "
                    "the same ones, take another --output_dir, or start again with --overwrite."
                )
        elif differences is not None:
            self._remove(_TEMPORARY)
            return True
        if not overwrite:
            self._check_vocabulary(plan["vocabulary"]["sha256"])
        # The manifest first: records without one are unfinished.
        if os.path.exists(os.path.join(self.output_dir, schema.MANIFEST_NAME)):
            os.unlink(os.path.join(self.output_dir, schema.MANIFEST_NAME))
        self._remove(_RECORDS)
        self._remove(_TEMPORARY)
        self._empty_unfinished()
        self._write(_PLAN, plan)
        return False

    def _check_vocabulary(self, sha256: str) -> None:
        path = os.path.join(self.output_dir, schema.VOCABULARY_NAME)
        if os.path.exists(path) and schema.file_sha256(path) != sha256:
            raise FileExistsError(
                f"Expected an --output_dir without another vocabulary, received {path}, which is "
                "not the one that the records are built with. Take another folder, or --overwrite "
                "to replace it."
            )

    def _differences_from_killed(self, plan: dict[str, Any], overwrite: bool) -> list[str] | None:
        """Where the killed build's plan differs from this one; None without one to resume."""
        before = self._read(_PLAN)
        is_complete = os.path.exists(os.path.join(self.output_dir, schema.MANIFEST_NAME))
        if before is None or not self.documents() or (overwrite and is_complete):
            return None
        return _differences(before, plan)

    def documents(self) -> dict[str, Any] | None:
        """What the tokenization step counted, or None while it is unfinished."""
        counted = self._read(_DOCUMENTS) if os.path.isdir(self.spill_folder) else None
        # Older versions did not count a shard's documents, so theirs cannot be checked.
        return counted if counted and "shard_documents" in counted else None

    def scratch(self) -> str:
        """A folder for this build's passing files; goes at its end or when the next begins."""
        path = os.path.join(self._unfinished, "scratch")
        with files.naming(path):
            os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def empty_spill(self) -> None:
        """Makes the spill folder again, empty."""
        shutil.rmtree(self.spill_folder, ignore_errors=True)
        with files.naming(self.spill_folder):
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
        self._empty_unfinished()
        self._remove_lock()

    def _empty_unfinished(self) -> None:
        """Removes all but the lock, which is held."""
        for name in os.listdir(self._unfinished):
            path = os.path.join(self._unfinished, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif name != _LOCK:
                os.unlink(path)

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
        path = os.path.join(self._unfinished, name)
        files.write_private(path, json.dumps(value, sort_keys=True))


def _is_at(file: BinaryIO, path: str) -> bool:
    """Whether an open file is the one at `path`, or that was removed or replaced."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    return False


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

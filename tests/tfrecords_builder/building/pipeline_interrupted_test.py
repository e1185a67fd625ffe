"""Builds that were killed or ran into something, and are started again."""

import contextlib
import csv
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.support import (
    NOTEEVENTS,
    ROOT,
    SENTENCE_FILES,
    UNCASED,
    build_records,
    builder_settings,
    shard_bytes,
)
from tfrecords_builder import schema
from tfrecords_builder.building import pipeline
from tfrecords_builder.building.storage.build_folder import UNFINISHED
from tfrecords_builder.notes import reading


def table(path, rows):
    columns = ("ROW_ID", "SUBJECT_ID", "HADM_ID", "CATEGORY", "ISERROR", "TEXT")
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])
    return str(path)


def test_finished_records_are_refused_unless_overwritten(tmp_path):
    build_records(tmp_path)
    before = shard_bytes(tmp_path)
    with pytest.raises(FileExistsError, match="--overwrite"):
        build_records(tmp_path, random_seed=2)
    assert shard_bytes(tmp_path) == before
    build_records(tmp_path, random_seed=2, num_shards=2, overwrite=True)
    assert len(shard_bytes(tmp_path)) == 2


def interrupt(monkeypatch, shard):
    """Makes shard `shard` fail as on a full disk."""
    sync = os.fsync

    def sync_or_fail(descriptor):
        if f"part-{shard:05d}" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_or_fail)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_is_named_and_a_second_start_builds_only_what_is_missing(
    overwrite, tmp_path, monkeypatch
):
    build_records(tmp_path / "undisturbed")
    folder = tmp_path / "records"
    if overwrite:
        build_records(folder, random_seed=2)
    with monkeypatch.context() as patch:
        interrupt(patch, 2)
        with pytest.raises(OSError, match=r"part-00002-of-00004.*No space left.*Free space"):
            build_records(folder, overwrite=overwrite)
    assert sorted(shard_bytes(folder)) == [f"part-{i:05d}-of-00004.tfrecord" for i in range(2)]
    assert not (folder / "manifest.json").exists()
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*")}
    with monkeypatch.context() as patch:
        # The documents are not tokenized again either.
        patch.setattr(pipeline, "spill_documents", None)
        manifest = build_records(folder, overwrite=overwrite)
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*")}
    assert {name: after[name] for name in before} == before
    assert shard_bytes(folder) == shard_bytes(tmp_path / "undisturbed")
    assert manifest.counts == schema.read_manifest(str(tmp_path / "undisturbed")).counts
    assert not (folder / UNFINISHED).exists()


def test_a_database_is_not_needed_again_once_its_notes_are_tokenized(tmp_path, monkeypatch):
    database = tmp_path / "notes.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE notes (note_id TEXT, text TEXT)")
        rows = [(str(note.note_id), note.text) for note in reading.read_notes(NOTEEVENTS)]
        connection.executemany("INSERT INTO notes VALUES (?, ?)", rows)
    query = f"sqlite:///{database}#SELECT note_id, text FROM notes"
    with monkeypatch.context() as patched:
        interrupt(patched, 2)
        with pytest.raises(OSError, match="part-00002"):
            build_records(tmp_path / "records", input=(query,))
    database.unlink()
    manifest = build_records(tmp_path / "records", input=(query,))
    assert manifest.counts["notes"]["written"] == len(rows)
    assert len(shard_bytes(tmp_path / "records")) == 4


def test_a_second_start_with_other_settings_is_refused_with_the_difference(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, 1)
        with pytest.raises(OSError):
            build_records(tmp_path)
    before = shard_bytes(tmp_path)
    with pytest.raises(ValueError, match=r"settings\.max_seq_length: 128 there, 64 now"):
        build_records(tmp_path, max_seq_length=64)
    with pytest.raises(ValueError, match=r"vocabulary\.sha256"):
        build_records(tmp_path, vocab_file=UNCASED)
    with pytest.raises(ValueError, match=r"inputs"):
        build_records(tmp_path, input=SENTENCE_FILES)
    assert shard_bytes(tmp_path) == before
    build_records(tmp_path)
    assert len(shard_bytes(tmp_path)) == 4


def test_spilled_documents_that_were_lost_are_an_error_and_not_fewer_records(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, 0)
        with pytest.raises(OSError):
            build_records(tmp_path)
    spilled = tmp_path / UNFINISHED / "documents"
    os.truncate(spilled / "shard-00003.index", 0)
    with pytest.raises(ValueError, match=rf"Expected \d+ documents .* received 0: .*{spilled}"):
        build_records(tmp_path)
    # As the error says to.
    shutil.rmtree(spilled)
    assert build_records(tmp_path).counts["notes"]["written"] == 80


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"exclude_subjects": "bad.txt"}, r"bad\.txt, line 1: expected one id a line"),
        ({"categories": ("Nursing",), "input": SENTENCE_FILES}, "received a sentence file"),
        ({"deduplicate": "minhash", "deduplicate_threshold": 0.0}, "deduplicate_threshold above 0"),
        ({"vocab_file": "missing.txt"}, "missing.txt"),
    ],
)
def test_overwrite_removes_nothing_where_the_settings_are_refused(
    changes, error, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.txt").write_text("12 patients\n")
    folder = tmp_path / "records"
    build_records(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises((OSError, ValueError), match=error):
        build_records(folder, overwrite=True, **changes)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_full_disk_while_notes_are_tokenized_is_named(tmp_path, monkeypatch):
    write = os.open

    def open_or_fail(path, *rest, **options):
        return write("/dev/full" if str(path).endswith(".documents") else path, *rest, **options)

    monkeypatch.setattr(os, "open", open_or_fail)
    with pytest.raises(OSError, match=r"write .*\.documents, received 'No space left.*Free space"):
        build_records(tmp_path)


# Small batches, which the process that reads makes, so that every worker gets some.
PROGRAM = (
    "from tfrecords_builder import __main__\n"
    "from tfrecords_builder.building import documents\n"
    "documents.BATCH_CHARACTERS = 4000\n"
    "__main__.run()\n"
)


def command(settings):
    values = dataclasses.asdict(settings)
    values["input"] = ",".join(settings.input)
    names = ("input", "output_dir", "vocab_file", "num_shards", "num_workers", "dupe_factor")
    flags = [f"--{name}={values[name]}" for name in names if values[name] is not None]
    return [sys.executable, "-c", PROGRAM, *flags]


def wait_for(condition, process):
    while not condition():
        assert process.poll() is None, "the build ended before it could be killed"
        time.sleep(0.005)


@pytest.mark.large
def test_a_killed_build_leaves_no_worker_and_goes_on(tmp_path):
    changes = {"num_shards": 24, "dupe_factor": 60, "num_workers": 2}
    build_records(tmp_path / "undisturbed", **changes)
    folder = tmp_path / "records"
    line = command(builder_settings(folder, **changes))
    process = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(folder.glob("part-*.tfrecord"))) >= 3, process)
    kill(process)
    assert len(list((folder / UNFINISHED / "documents").glob("*.documents"))) > 1
    finished = {
        json.loads(path.read_text())["file"] for path in (folder / UNFINISHED).glob("part-*.json")
    }
    before = {name: (folder / name).stat().st_mtime_ns for name in finished}
    assert before
    assert not (folder / "manifest.json").exists()
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
    assert {name: (folder / name).stat().st_mtime_ns for name in finished} == before
    assert shard_bytes(folder) == shard_bytes(tmp_path / "undisturbed")
    assert not list(folder.glob("*.tmp-*"))


@pytest.mark.large
def test_a_build_killed_while_notes_are_tokenized_begins_anew(tmp_path):
    found = list(reading.read_notes(NOTEEVENTS))
    rows = [
        (1000 * copy + i, 1, 1, "Nursing", "", note.text)
        for copy in range(40)
        for i, note in enumerate(found)
    ]
    changes = {
        "input": (table(tmp_path / "notes.csv", rows),),
        "dupe_factor": 1,
        "num_workers": 2,
    }
    build_records(tmp_path / "undisturbed", **changes)
    folder = tmp_path / "records"
    spilled = folder / UNFINISHED / "documents"
    line = command(builder_settings(folder, **changes))
    process = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(spilled.glob("*.documents"))) > 1, process)
    kill(process)
    assert not (folder / UNFINISHED / "documents.json").exists()
    assert not list(folder.glob("part-*"))
    left = {path.name for path in spilled.iterdir()}
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
    assert left and shard_bytes(folder) == shard_bytes(tmp_path / "undisturbed")
    assert schema.read_manifest(str(folder)) == schema.read_manifest(str(tmp_path / "undisturbed"))
    assert not (folder / UNFINISHED).exists()


def kill(process):
    """Kills a build and waits for its workers, which end by themselves."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while any(is_running(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

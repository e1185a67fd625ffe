"""What a build may touch, and what a killed one left."""

import fcntl
import os
import pathlib
import shutil
import stat

import pytest

from tfrecords_builder import schema
from tfrecords_builder.building.storage import build_folder
from tfrecords_builder.building.storage.build_folder import UNFINISHED, BuildFolder

PLAN = {
    "settings": {"max_seq_length": 128, "random_seed": 1},
    "vocabulary": {"sha256": "bb", "size": 3},
    "inputs": [{"sha256": "aa"}],
}
COUNTED = {"counts": {}, "shard_documents": [1, 1]}
SHARD = {"file": "part-00000-of-00002.tfrecord", "instances": 3, "bytes": 4}

HEX = "0123456789abcdef" * 2
# As every version of the package named what it was writing.
LEFT_BEHIND = (
    f".part-00001-of-00002.tfrecord.tmp-{HEX}",
    f".NOTEEVENTS.csv.gz.tmp-{HEX}",
    f".manifest.json.tmp-{HEX}",
    "part-00001-of-00002.tfrecord.tmp-77",
    f"part-00001-of-00002.tfrecord.gz.tmp-{HEX}.tmp-77",
    "NOTEEVENTS.csv.gz.tmp-77",
    "vocab.txt.tmp-77",
)


def begun(path, plan=PLAN, overwrite=False):
    folder = BuildFolder(str(path))
    with folder.locked(overwrite):
        return folder, folder.begin(plan, overwrite)


def killed_build(path):
    """A build killed after its documents and its first of two shards."""
    folder, _ = begun(path)
    folder.empty_spill()
    folder.finish_documents(COUNTED)
    (path / SHARD["file"]).write_bytes(b"data")
    folder.finish_shard(SHARD)
    for name in LEFT_BEHIND:
        (path / name).write_bytes(b"half")
    return folder


def test_a_new_folder_is_for_its_owner_only(tmp_path):
    begun(tmp_path / "records")
    for path in (tmp_path / "records", tmp_path / "records" / UNFINISHED):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700


def test_a_killed_build_goes_on_with_the_same_plan(tmp_path):
    killed_build(tmp_path)
    folder, goes_on = begun(tmp_path)
    assert goes_on
    assert folder.documents() == COUNTED
    assert folder.finished_shard(SHARD["file"]) == SHARD
    assert folder.finished_shard("part-00001-of-00002.tfrecord") is None
    assert not list(tmp_path.glob("*.tmp-*"))


def test_a_shard_that_is_gone_or_cut_is_not_finished(tmp_path):
    folder = killed_build(tmp_path)
    (tmp_path / SHARD["file"]).write_bytes(b"dat")
    assert folder.finished_shard(SHARD["file"]) is None
    (tmp_path / SHARD["file"]).unlink()
    assert folder.finished_shard(SHARD["file"]) is None


def test_another_plan_is_refused_with_every_difference(tmp_path):
    killed_build(tmp_path)
    settings = {"max_seq_length": 256, "random_seed": 1}
    other = PLAN | {"settings": settings, "inputs": [{"sha256": "bb"}]}
    with pytest.raises(ValueError) as error:
        begun(tmp_path, other)
    message = str(error.value)
    assert "settings.max_seq_length: 128 there, 256 now" in message
    assert "inputs[0].sha256: aa there, bb now" in message
    assert "random_seed" not in message
    assert (tmp_path / SHARD["file"]).read_bytes() == b"data"


def test_more_inputs_are_a_difference(tmp_path):
    killed_build(tmp_path)
    with pytest.raises(ValueError, match="inputs: "):
        begun(tmp_path, PLAN | {"inputs": [{"sha256": "aa"}, {"sha256": "cc"}]})


def test_overwrite_begins_anew_with_another_plan(tmp_path):
    killed_build(tmp_path)
    mine = ["notes.txt", f".notes.txt.tmp-{HEX}", "part-0.tfrecord.tmp-77"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    folder, goes_on = begun(tmp_path, {"settings": {}}, overwrite=True)
    assert not goes_on
    assert folder.documents() is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([UNFINISHED, *mine])


def test_overwrite_goes_on_with_a_killed_build_of_the_same_plan(tmp_path):
    """Whoever started with --overwrite is told to repeat the same command."""
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "part-00000-of-00001.tfrecord").write_bytes(b"before")
    folder, goes_on = begun(tmp_path, overwrite=True)
    assert not goes_on
    assert [path.name for path in tmp_path.iterdir()] == [UNFINISHED]
    killed_build(tmp_path)
    folder, goes_on = begun(tmp_path, overwrite=True)
    assert goes_on
    assert folder.documents() == COUNTED
    assert folder.finished_shard(SHARD["file"]) == SHARD


def test_overwrite_replaces_a_build_killed_after_its_manifest(tmp_path):
    killed_build(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    _, goes_on = begun(tmp_path, overwrite=True)
    assert not goes_on
    assert [path.name for path in tmp_path.iterdir()] == [UNFINISHED]


def test_documents_whose_files_were_removed_are_tokenized_again(tmp_path):
    folder = killed_build(tmp_path)
    shutil.rmtree(folder.spill_folder)
    assert folder.documents() is None
    _, goes_on = begun(tmp_path)
    assert not goes_on


def test_passing_files_of_a_killed_build_go_when_the_next_begins(tmp_path):
    folder, _ = begun(tmp_path)
    path = pathlib.Path(folder.scratch())
    (path / "beam-temp1").mkdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    begun(tmp_path)
    assert not path.exists()


def test_a_build_killed_under_an_older_version_begins_anew(tmp_path):
    killed_build(tmp_path).finish_documents({"counts": {}})
    folder, goes_on = begun(tmp_path)
    assert not goes_on
    assert folder.finished_shard(SHARD["file"]) is None


def test_another_vocabulary_in_the_folder_is_left_alone_unless_overwritten(tmp_path):
    (tmp_path / "vocab.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"another vocabulary.*vocab\.txt.*--overwrite"):
        begun(tmp_path)
    assert (tmp_path / "vocab.txt").read_text() == "mine"
    own = PLAN | {"vocabulary": {"sha256": schema.file_sha256(str(tmp_path / "vocab.txt"))}}
    assert begun(tmp_path, own)[1] is False
    assert begun(tmp_path, overwrite=True)[1] is False


def test_a_build_killed_before_its_documents_begins_anew_with_any_plan(tmp_path):
    begun(tmp_path)
    folder, goes_on = begun(tmp_path, PLAN | {"settings": {"max_seq_length": 64}})
    assert not goes_on
    assert folder.documents() is None


@pytest.mark.parametrize("name", ["manifest.json", "part-00000-of-00001.tfrecord"])
def test_records_that_are_there_are_refused_and_left_alone(name, tmp_path):
    (tmp_path / name).write_bytes(b"before")
    with pytest.raises(FileExistsError, match=f"{name}.*--overwrite"):
        begun(tmp_path)
    assert (tmp_path / name).read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_finished_build_is_refused(tmp_path):
    folder = killed_build(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    folder.finish()
    assert not (tmp_path / UNFINISHED).exists()
    with pytest.raises(FileExistsError):
        begun(tmp_path)


def test_a_second_build_at_the_same_time_is_refused(tmp_path):
    with (
        BuildFolder(str(tmp_path)).locked(),
        pytest.raises(RuntimeError, match="another build is running"),
        BuildFolder(str(tmp_path)).locked(),
    ):
        pass
    with BuildFolder(str(tmp_path)).locked():
        pass


def finish_other_build(path):
    """What another build does at its end."""
    (path / "part-00000-of-00001.tfrecord").write_bytes(b"theirs")
    (path / "manifest.json").write_text("{}")
    shutil.rmtree(path / UNFINISHED)


def test_records_that_another_build_finished_just_now_are_left_alone(tmp_path, monkeypatch):
    flock = fcntl.flock
    calls = []

    def flock_late(file, operation):
        if not calls:
            finish_other_build(tmp_path)
        calls.append(operation)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    with pytest.raises(FileExistsError, match=r"part-00000-of-00001.*--overwrite"):
        begun(tmp_path)
    # The first lock was on a file that was removed meanwhile.
    assert len(calls) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "manifest.json",
        "part-00000-of-00001.tfrecord",
    ]
    assert (tmp_path / "part-00000-of-00001.tfrecord").read_bytes() == b"theirs"


def test_a_build_that_began_nothing_leaves_nothing(tmp_path):
    with pytest.raises(ValueError), BuildFolder(str(tmp_path)).locked():
        assert (tmp_path / UNFINISHED).exists()
        raise ValueError
    assert os.listdir(tmp_path) == []


def test_a_lock_of_the_next_build_is_left_alone(tmp_path):
    folder, _ = begun(tmp_path)
    with folder.locked():
        folder.finish()
        with BuildFolder(str(tmp_path)).locked():
            os.makedirs(tmp_path / UNFINISHED / "documents")
        os.rmdir(tmp_path / UNFINISHED / "documents")
        theirs = (tmp_path / UNFINISHED / "lock").stat()
    assert (tmp_path / UNFINISHED / "lock").stat() == theirs


def test_a_lock_that_was_replaced_meanwhile_does_not_count(tmp_path, monkeypatch):
    flock = fcntl.flock
    others = []

    def flock_late(file, operation):
        if not others:
            lock = tmp_path / UNFINISHED / "lock"
            lock.unlink()
            others.append(lock.open("wb"))
            flock(others[0], operation)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    with pytest.raises(RuntimeError, match="another build is running"):
        begun(tmp_path)
    others[0].close()


def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(build_folder.os, "makedirs", refuse)
    with pytest.raises(OSError, match=r"write .*records/.*received 'Permission denied'.*folder"):
        begun(tmp_path / "records")


@pytest.mark.parametrize("address", ["gs://bucket/records", "s3://a", "hdfs://host/a"])
def test_an_address_is_refused_and_makes_no_folder(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"received {address}.*--runner=beam"):
        begun(address)
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "records").write_text("a file")
    with pytest.raises(OSError, match=r"Expected to write .*records.*received .*fix the folder"):
        begun(tmp_path / "records")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

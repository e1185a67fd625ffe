"""What a build may touch, and what a killed one left."""

import os
import stat

import pytest

from tfrecords_builder.storage.build_folder import UNFINISHED, BuildFolder

PLAN = {"settings": {"max_seq_length": 128, "random_seed": 1}, "inputs": [{"sha256": "aa"}]}
SHARD = {"file": "part-00000-of-00002.tfrecord", "instances": 3, "bytes": 4}


def begun(path, plan=PLAN, overwrite=False):
    folder = BuildFolder(str(path))
    folder.check_free(overwrite)
    with folder.locked():
        return folder, folder.begin(plan, overwrite)


def killed_build(path):
    """A build killed after its documents and its first of two shards."""
    folder, _ = begun(path)
    folder.empty_spill()
    folder.finish_documents({"counts": {}})
    (path / SHARD["file"]).write_bytes(b"data")
    folder.finish_shard(SHARD)
    (path / "part-00001-of-00002.tfrecord.tmp-77").write_bytes(b"half")
    return folder


def test_a_new_folder_is_for_its_owner_only(tmp_path):
    begun(tmp_path / "records")
    for path in (tmp_path / "records", tmp_path / "records" / UNFINISHED):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700


def test_a_killed_build_goes_on_with_the_same_plan(tmp_path):
    killed_build(tmp_path)
    folder, goes_on = begun(tmp_path)
    assert goes_on
    assert folder.documents() == {"counts": {}}
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
    other = {"settings": {"max_seq_length": 256, "random_seed": 1}, "inputs": [{"sha256": "bb"}]}
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


def test_overwrite_begins_anew(tmp_path):
    killed_build(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    folder, goes_on = begun(tmp_path, {"settings": {}}, overwrite=True)
    assert not goes_on
    assert folder.documents() is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [UNFINISHED, "notes.txt"]


def test_a_build_killed_before_its_documents_begins_anew_with_any_plan(tmp_path):
    begun(tmp_path)
    folder, goes_on = begun(tmp_path, {"settings": {"max_seq_length": 64}})
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


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "records").write_text("a file")
    with pytest.raises(OSError, match="records"):
        begun(tmp_path / "records")

import errno
import glob
import os
import pathlib
import pickle
import stat

import pytest

from tfrecords_builder.building.storage import private_file
from tfrecords_builder.building.storage.private_file import WriteError, open_private_file


def test_file_appears_whole_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "notes.txt"
    with open_private_file(str(path)) as file:
        file.write(b"text")
        assert not path.exists()
    assert path.read_bytes() == b"text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), open_private_file(str(path)) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_no_glob_takes_an_unfinished_file_for_data(tmp_path):
    path = tmp_path / "part-00000-of-00001.tfrecord"
    with open_private_file(str(path)) as file:
        file.write(b"half")
        file.flush()
        (unfinished,) = os.listdir(tmp_path)
        assert unfinished.startswith(f".{path.name}.tmp-")
        assert glob.glob(f"{tmp_path}/*.tfrecord*") == []


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "part"
    with open_private_file(str(path)) as one:
        one.write(b"one")
        with open_private_file(str(path)) as two:
            two.write(b"two")
        assert path.read_bytes() == b"two"
    assert path.read_bytes() == b"one"


FULL = pathlib.Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_named_once_with_what_to_do(tmp_path, monkeypatch):
    path = str(tmp_path / "notes.txt")
    opened = os.open
    monkeypatch.setattr(private_file.os, "open", lambda path, *rest: opened(str(FULL), os.O_WRONLY))
    message = f"Expected to write {path}, received 'No space left on device'. Free space"
    with pytest.raises(WriteError) as error, open_private_file(path) as file:
        file.write(b"text")
    assert error.value.strerror.startswith(message)
    assert error.value.strerror.count("Expected") == 1
    # As it comes from a worker process.
    again = pickle.loads(pickle.dumps(error.value))
    assert (type(again), again.errno, str(again)) == (WriteError, errno.ENOSPC, str(error.value))
    with pytest.raises(WriteError) as error:
        private_file.append(path, b"text")
    assert error.value.strerror.startswith(message)


def test_a_file_below_a_file_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    path = str(tmp_path / "file" / "folder" / "notes.txt")
    with pytest.raises(WriteError, match=f"Expected to write {path}, received 'Not a directory'"):
        open_private_file(path).__enter__()


def test_what_the_block_reads_keeps_its_own_error(tmp_path):
    missing = tmp_path / "missing"
    with (
        pytest.raises(FileNotFoundError, match=str(missing)),
        open_private_file(str(tmp_path / "notes.txt")) as file,
    ):
        file.write(missing.read_bytes())
    assert os.listdir(tmp_path) == []


def test_appending_says_where_the_data_begins(tmp_path):
    path = str(tmp_path / "spill")
    assert private_file.append(path, b"abc") == 0
    assert private_file.append(path, b"de") == 3
    assert pathlib.Path(path).read_bytes() == b"abcde"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600

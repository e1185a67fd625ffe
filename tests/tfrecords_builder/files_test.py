import errno
import fcntl
import glob
import os
import pathlib
import pickle
import stat

import pytest

from tfrecords_builder import files
from tfrecords_builder.files import WriteError, open_private


def test_file_appears_whole_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "notes.txt"
    with open_private(str(path)) as file:
        file.write(b"text")
        assert not path.exists()
    assert path.read_bytes() == b"text"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), open_private(str(path)) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_no_glob_takes_an_unfinished_file_for_data(tmp_path):
    path = tmp_path / "part-00000-of-00001.tfrecord"
    with open_private(str(path)) as file:
        file.write(b"half")
        file.flush()
        (unfinished,) = os.listdir(tmp_path)
        assert unfinished.startswith(f".{path.name}.tmp-")
        assert glob.glob(f"{tmp_path}/*.tfrecord*") == []


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "part"
    with open_private(str(path)) as one:
        one.write(b"one")
        with open_private(str(path)) as two:
            two.write(b"two")
        assert path.read_bytes() == b"two"
    assert path.read_bytes() == b"one"


FULL = pathlib.Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_named_once_with_what_to_do(tmp_path, monkeypatch):
    path = str(tmp_path / "notes.txt")
    opened = os.open
    monkeypatch.setattr(files.os, "open", lambda path, *rest: opened(str(FULL), os.O_WRONLY))
    message = f"Expected to write {path}, received 'No space left on device'. Free space"
    with pytest.raises(WriteError) as error, open_private(path) as file:
        file.write(b"text")
    assert error.value.strerror.startswith(message)
    assert error.value.strerror.count("Expected") == 1
    # As it comes from a worker process.
    again = pickle.loads(pickle.dumps(error.value))
    assert (type(again), again.errno, str(again)) == (WriteError, errno.ENOSPC, str(error.value))
    with pytest.raises(WriteError) as error:
        files.append(path, b"text")
    assert error.value.strerror.startswith(message)


def test_a_file_below_a_file_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    path = str(tmp_path / "file" / "folder" / "notes.txt")
    with pytest.raises(WriteError, match=f"Expected to write {path}, received 'Not a directory'"):
        open_private(path).__enter__()


def test_what_the_block_reads_keeps_its_own_error(tmp_path):
    missing = tmp_path / "missing"
    with (
        pytest.raises(FileNotFoundError, match=str(missing)),
        open_private(str(tmp_path / "notes.txt")) as file,
    ):
        file.write(missing.read_bytes())
    assert os.listdir(tmp_path) == []


def test_appending_says_where_the_data_begins(tmp_path):
    path = str(tmp_path / "spill")
    assert files.append(path, b"abc") == 0
    assert files.append(path, b"de") == 3
    assert pathlib.Path(path).read_bytes() == b"abcde"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_text_and_bytes_are_written_for_the_owner_only(tmp_path):
    path = tmp_path / "new" / "counts.json"
    files.write_private(str(path), "é\n")
    assert path.read_bytes() == b"\xc3\xa9\n"
    files.write_private(str(path), b"\xff")
    assert path.read_bytes() == b"\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["counts.json"]


def test_writers_that_open_by_path_get_the_temporary_one(tmp_path):
    path = tmp_path / "vectors"
    with open_private(str(path)) as file:
        pathlib.Path(file.name).write_bytes(b"by path")
        assert os.path.dirname(file.name) == str(tmp_path) and file.name != str(path)
    assert path.read_bytes() == b"by path"


def test_a_lock_keeps_others_out_until_it_is_closed(tmp_path):
    one, two = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    assert files.try_lock(one)
    assert not files.try_lock(two)
    os.close(one)
    assert files.try_lock(two)
    os.close(two)


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (tmp_path / "lock").open("wb") as file:
        assert files.try_lock(file)


def test_the_folder_of_an_output_is_checked_before_any_work(tmp_path):
    files.check_folder_of(str(tmp_path / "vectors"), "output_file")
    with pytest.raises(IsADirectoryError, match=r"--output_file.*Add a file name"):
        files.check_folder_of(str(tmp_path), "output_file")
    with pytest.raises(FileNotFoundError, match=r"found no folder .*missing. Create it first"):
        files.check_folder_of(str(tmp_path / "missing" / "x"), "output_file")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

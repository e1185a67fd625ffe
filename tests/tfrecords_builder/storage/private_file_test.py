import os
import stat

import pytest

from tfrecords_builder.storage.private_file import open_private_file


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

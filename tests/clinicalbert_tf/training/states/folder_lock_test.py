"""One process at a time trains into a folder."""

import errno
import fcntl
import multiprocessing
import os
import signal

import pytest

from clinicalbert_tf.training.states import folder_lock
from clinicalbert_tf.training.states.folder_lock import FolderInUseError, lock_folder


@pytest.fixture(autouse=True)
def short_wait(monkeypatch):
    monkeypatch.setattr(folder_lock, "SECONDS_TO_WAIT", 0.3)


def hold(folder, held):
    with lock_folder(folder):
        held.set()
        signal.pause()


def test_second_run_is_refused_until_the_first_is_gone_even_if_killed(tmp_path):
    context = multiprocessing.get_context("fork")
    held = context.Event()
    first = context.Process(target=hold, args=(str(tmp_path), held))
    first.start()
    assert held.wait(10)
    message = f"train alone in {tmp_path}.*--output_dir"
    with pytest.raises(FolderInUseError, match=message), lock_folder(str(tmp_path)):
        pytest.fail("entered")
    first.kill()
    first.join()
    with lock_folder(str(tmp_path)):
        assert os.stat(tmp_path / folder_lock.NAME).st_mode & 0o777 == 0o600
    with lock_folder(str(tmp_path)):
        pass


def test_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    entered = []
    with lock_folder(str(tmp_path)):
        entered.append(True)
    assert entered


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

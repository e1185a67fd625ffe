"""Saving when it does not work: what goes on, what stops, and what stays on disk."""

import errno
import os
import resource
import signal

import keras
import numpy as np
import pytest

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.training.states.checkpoints import Checkpoints, newest_state, saved_states
from clinicalbert_tf.training.states.disk import may_pass
from clinicalbert_tf.training.states.saving import StateSaver
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay


@pytest.fixture
def checkpoints(tmp_path, small_config):
    keras.utils.set_random_seed(1)
    model = build_pretraining_model(small_config)
    variables = [(m.tf1_name, m.variable) for m in model_variables(model)]
    return Checkpoints(
        str(tmp_path), model, AdamWeightDecay(variables, WarmupLinearDecay(1e-3, 100, 0)), keep=2
    )


def saver_of(checkpoints, chief=True):
    return StateSaver(checkpoints, lambda step: {"records_read": 8 * step}, chief)


def save(saver, step):
    saver.checkpoints.optimizer.step.assign(step)
    return saver.save(step)


def raising(number):
    def write(*arguments, **more):
        raise OSError(number, os.strerror(number))

    return write


def test_full_disk_is_said_once_a_save_and_the_last_good_checkpoint_stays(
    checkpoints, monkeypatch, caplog
):
    saver = saver_of(checkpoints)
    assert save(saver, 5).endswith("model.ckpt-5")
    monkeypatch.setattr(
        "clinicalbert_tf.training.states.checkpoints.write_tf1_checkpoint", raising(errno.ENOSPC)
    )
    assert save(saver, 10) is None
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "model.ckpt-10" in said[0] and "No space left" in said[0] and "ckpt-5" in said[0]
    assert [state.step for state in saved_states(checkpoints.directory)] == [5]
    monkeypatch.undo()
    assert save(saver, 15).endswith("model.ckpt-15")
    assert newest_state(checkpoints.directory).content["records_read"] == 120


@pytest.mark.parametrize("size", [0, 2000, 40_000])
def test_limit_on_file_sizes_is_met_like_a_full_disk(checkpoints, tmp_path, size):
    """The system's own refusal, in TensorFlow's writer and in Python's."""
    saver = saver_of(checkpoints)
    save(saver, 5)
    before = sorted(os.listdir(tmp_path))
    # TensorFlow may put the signal's default back, which ends the process.
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        assert save(saver, 10) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted(os.listdir(tmp_path)) == before
    assert save(saver, 10).endswith("model.ckpt-10")


def test_state_file_that_cannot_be_written_takes_its_checkpoint_along(checkpoints, monkeypatch):
    saver = saver_of(checkpoints)
    save(saver, 5)
    monkeypatch.setattr(
        "clinicalbert_tf.training.states.checkpoints.write_private", raising(errno.EDQUOT)
    )
    assert save(saver, 10) is None
    monkeypatch.undo()
    names = os.listdir(checkpoints.directory)
    assert not [name for name in names if "model.ckpt-10" in name]
    assert newest_state(checkpoints.directory).step == 5


def test_missing_permission_stops_the_run(checkpoints, monkeypatch):
    saver = saver_of(checkpoints)
    monkeypatch.setattr(
        "clinicalbert_tf.training.states.checkpoints.write_tf1_checkpoint", raising(errno.EACCES)
    )
    with pytest.raises(PermissionError):
        save(saver, 10)


def test_which_failures_may_pass():
    passing = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE)
    assert all(may_pass(OSError(number, "")) for number in passing)
    stopping = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.EROFS, errno.ENOTDIR)
    assert not any(may_pass(OSError(number, "")) for number in stopping)
    assert not may_pass(OSError("of no number"))


def test_other_workers_write_nothing(checkpoints, tmp_path):
    saver = saver_of(checkpoints, chief=False)
    assert save(saver, 5) == str(tmp_path / "model.ckpt-5")
    saver.renew(5)
    assert os.listdir(tmp_path) == []


def test_renewed_state_keeps_its_weights_and_takes_new_content(checkpoints):
    content = {"evaluation": 1}
    saver = StateSaver(checkpoints, lambda step: dict(content), chief=True)
    save(saver, 5)
    content["evaluation"] = 2
    saver.renew(5)
    state = newest_state(checkpoints.directory)
    assert state.content["evaluation"] == 2 and state.step == 5
    before = [m.variable.numpy() for m in checkpoints.mappings]
    for mapping in checkpoints.mappings:
        mapping.variable.assign(mapping.variable * 0)
    checkpoints.restore(state)
    for mapping, values in zip(checkpoints.mappings, before, strict=True):
        np.testing.assert_array_equal(mapping.variable.numpy(), values)
    # A step that was not saved has nothing to renew.
    saver.renew(7)
    assert newest_state(checkpoints.directory).step == 5


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

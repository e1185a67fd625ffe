"""outcome.json: how training ended."""

import json
import os

import pytest

from clinicalbert_tf.training.hooks import Call, Stop
from clinicalbert_tf.training.preemption import Interrupted
from clinicalbert_tf.training.watching.outcome import Outcome, read_outcome


@pytest.fixture
def hook(tmp_path):
    hook = Outcome(str(tmp_path))
    hook.start(3, 9, "model.ckpt-3")
    return hook


def told(hook):
    content = read_outcome(hook.directory)
    return content["state"], content["step"], content["num_train_steps"], content["reason"]


def test_run_that_was_killed_still_counts_as_running(hook):
    assert told(hook) == ("running", 3, 9, None)
    assert os.stat(os.path.join(hook.directory, "outcome.json")).st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("stop", "error", "expected"),
    [
        (None, None, ("finished", None)),
        (Stop("out of patience."), None, ("stopped", "out of patience.")),
        (Stop("a signal.", Interrupted("at 5.")), Interrupted("at 5."), ("stopped", "at 5.")),
        (None, Interrupted("by SIGTERM."), ("stopped", "by SIGTERM.")),
        (None, ArithmeticError("NaN at 5"), ("failed", "ArithmeticError: NaN at 5")),
    ],
)
def test_every_end_is_told_apart(hook, stop, error, expected):
    hook.after_call(Call(5, [{}], 1.0))
    if stop is not None:
        hook.stopping(stop)
    hook.close(error)
    state, reason = expected
    assert told(hook) == (state, 5, 9, reason)


@pytest.mark.parametrize("text", [None, "{", json.dumps([1])])
def test_folder_without_a_readable_one_has_no_outcome(tmp_path, text):
    if text is not None:
        (tmp_path / "outcome.json").write_text(text)
    assert read_outcome(str(tmp_path)) is None


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

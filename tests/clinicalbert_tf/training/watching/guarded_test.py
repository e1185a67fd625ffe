"""Hooks that only tell: a full disk silences them and ends nothing."""

import errno

import pytest
import tensorflow as tf

from clinicalbert_tf.training.hooks import Call, LoopHook
from clinicalbert_tf.training.watching.observers import Guarded

FULL = OSError(errno.ENOSPC, "No space left on device")


class Writer(LoopHook):
    """Fails while `error` is set; remembers what it was asked for."""

    def __init__(self):
        self.error, self.seen = None, []

    def _write(self, *what):
        if self.error is not None:
            raise self.error
        self.seen.append(what)

    def start(self, first_step, num_train_steps, last_saved):
        self._write("start", first_step, last_saved)

    def measure(self, call):
        self._write("measure", call.step)
        return {"measured": 1.0}

    def after_call(self, call):
        self._write("after_call", call.step)

    def close(self, error=None):
        self._write("close")


def call(step, saved=None):
    return Call(step, [{"loss": 1.0}], 1.0, saved)


@pytest.mark.parametrize("error", [FULL, tf.errors.ResourceExhaustedError(None, None, "full")])
def test_failing_hook_rests_until_a_state_was_saved(error, caplog):
    hook = Writer()
    guarded = Guarded(hook)
    guarded.start(0, 50, None)
    assert guarded.measure(call(1)) == {"measured": 1.0}
    hook.error = error
    for step in (10, 20):
        assert guarded.measure(call(step)) == {}
        assert guarded.after_call(call(step)) is None
    assert len(caplog.records) == 1
    assert "Writer could not write" in caplog.records[0].getMessage()
    hook.error = None
    guarded.after_call(call(25))
    guarded.after_call(call(30, saved="model.ckpt-30"))
    guarded.after_call(call(40))
    guarded.close()
    assert hook.seen == [
        ("start", 0, None), ("measure", 1), ("close",), ("start", 30, "model.ckpt-30"),
        ("after_call", 40), ("close",),
    ]  # fmt: skip


def test_it_rests_on_where_it_fails_again(caplog):
    hook = Writer()
    guarded = Guarded(hook)
    guarded.start(0, 50, None)
    hook.error = FULL
    guarded.after_call(call(10, saved="model.ckpt-10"))
    guarded.after_call(call(20, saved="model.ckpt-20"))
    assert guarded.after_call(call(21)) is None
    guarded.close()
    assert hook.seen == [("start", 0, None)]


def test_other_errors_are_errors():
    hook = Writer()
    hook.error = RuntimeError("a defect")
    with pytest.raises(RuntimeError, match="a defect"):
        Guarded(hook).after_call(call(1))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

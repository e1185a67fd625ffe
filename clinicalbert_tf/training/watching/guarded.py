"""Hooks that only tell: what they cannot write must not end the run."""

import tensorflow as tf
from absl import logging

from clinicalbert_tf.training.hooks import Call, LoopHook, Stop

# TensorBoard's writer goes through TensorFlow's file systems, which have errors of their own.
WRITE_ERRORS = (OSError, tf.errors.OpError)


class Guarded(LoopHook):
    """A hook whose failures to write are logged, once until it works again.

    After a failure the hook rests until a state was saved, which shows that there is space again;
    it is then closed and started again from there.

    Args:
        hook: writes files that training does not need.
    """

    def __init__(self, hook: LoopHook):
        self.hook = hook
        self._resting = False

    def start(self, first_step, num_train_steps, last_saved):
        self._end = num_train_steps
        return self._try(self.hook.start, first_step, num_train_steps, last_saved)

    def next_stop(self, step):
        # At rest too: workers whose calls differ in length would wait for each other for ever.
        return self.hook.next_stop(step)

    def before_call(self, step, count):
        self._try(self.hook.before_call, step, count)

    def measure(self, call: Call):
        return self._try(self.hook.measure, call) or {}

    def after_call(self, call: Call) -> Stop | None:
        if self._resting and call.saved is not None and not call.stopping:
            self._start_again(call)
            return None
        return self._try(self.hook.after_call, call)

    def stopping(self, stop: Stop) -> None:
        self._try(self.hook.stopping, stop)

    def close(self, error=None):
        # Whatever state a failure left it in, what it holds open should not stay so.
        self._resting = False
        self._try(self.hook.close, error)

    def _start_again(self, call: Call) -> None:
        self.close()
        self._resting = False
        self._try(self.hook.start, call.step, self._end, call.saved)

    def _try(self, method, *arguments):
        if self._resting:
            return None
        try:
            return method(*arguments)
        except WRITE_ERRORS as error:
            self._resting = True
            logging.warning(
                "%s could not write (%s: %s). Training continues without it until a checkpoint can "
                "be saved; free space.",
                *(type(self.hook).__name__, type(error).__name__, error),
            )
            return None

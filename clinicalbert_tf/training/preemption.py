"""SIGTERM and SIGINT: at once where nothing would be lost, after a save where something would.

Schedulers send SIGTERM some seconds before they kill (SLURM 30, Kubernetes 30, spot machines 30 to
120). In training the signal is only noted: the loop saves after the call of steps that it is in.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

from clinicalbert_tf.training import exit_codes

_NUMBERS = (signal.SIGTERM, signal.SIGINT)
# An exception raised inside these may pass through their C++, which swallows it or aborts.
_LIBRARIES = ("tensorflow", "keras", "keras_nlp", "keras_hub")
_SECONDS_IN_LIBRARIES = 1.0


class Interrupted(BaseException):
    """The run was asked to stop; like KeyboardInterrupt, no `except Exception` stands in its way.

    Attributes:
        exit_code: what the process should end with.
        agreed: whether all workers stop together, so that none will miss this one.
    """

    def __init__(self, message: str, exit_code: int = exit_codes.PREEMPTED, agreed: bool = False):
        super().__init__(message)
        self.exit_code = exit_code
        self.agreed = agreed


class StopSignals:
    """What this process was asked by signals; to be entered by its main thread.

    The first signal raises Interrupted, or within `deferred` is only noted in `received`. Where it
    arrives inside TensorFlow or Keras, building or tracing, the process ends a second later by
    `leave`, unless there is something to save by then. Further SIGTERMs change nothing; a second
    SIGINT raises KeyboardInterrupt wherever the process is.

    Attributes:
        received: the first signal, or None.
        raised: the Interrupted that it was answered with at once, or None. It may come out of
            a library's own code as another exception.

    Args:
        leave: ends the process with the exit code of an Interrupted, from any thread; os._exit
            where it returns.
    """

    def __init__(self, leave: Callable[[Interrupted], None] = lambda error: None):
        self._leave = leave
        self._keeps = False
        self.received: signal.Signals | None = None
        self.raised: Interrupted | None = None
        self._deferred = False
        self._process = os.getpid()
        self._previous = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in _NUMBERS:
                # A process in the background may have been told to ignore its terminal.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Within it, signals are noted and nothing is raised."""
        self._deferred = self._keeps = True
        try:
            yield
        finally:
            self._deferred = False

    def interrupted(self, how: str, agreed: bool = True) -> Interrupted:
        """The exception to stop with, whichever worker the signal reached.

        Args:
            how: what has become of the state; ends the message.
            agreed: whether all workers stop together.
        """
        code, who = exit_codes.PREEMPTED, "a signal to another worker"
        if self.received is not None:
            who = self.received.name
        if self.received == signal.SIGINT:
            code = exit_codes.INTERRUPTED
        return Interrupted(f"Stopped by {who}: {how}.", code, agreed)

    def _note(self, number, frame) -> None:
        if os.getpid() != self._process:
            # A forked helper process: it ends as if this handler had never been set.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self.received is not None:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self.received = signal.Signals(number)
        if not self._deferred:
            self.raised = self.interrupted("there was nothing to save", agreed=False)
            if not _inside_libraries(frame):
                raise self.raised
            timer = threading.Timer(_SECONDS_IN_LIBRARIES, self._end, [self.raised])
            timer.daemon = True
            # Steps that end before it may be saved after all.
            self._keeps = False
            timer.start()

    def _end(self, error: Interrupted) -> None:
        if not self._keeps:
            self._leave(error)
            os._exit(error.exit_code)


def _inside_libraries(frame) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES:
            return True
        frame = frame.f_back
    return False

"""What every command of both packages does around its `main`: quiet start, pipes that may end.

if __name__ == "__main__":
    command_line.run(main)
"""

import io
import os
import sys
from collections.abc import Callable

# As a shell reports a program that was ended by SIGPIPE.
CLOSED_PIPE = 141
_HELP = frozenset(("-h", "--h", "-help", "--help", "--helpshort", "--helpfull", "-helpfull"))


def run(main: Callable[[list[str]], None]) -> None:
    """Runs a command's `main` with absl's flags and ends the process with its exit status.

    If what reads the output ends before it (`command | head`), the command ends quietly. Messages
    on the standard error are dropped if nobody reads them, and the work continues. --help is a
    success.

    Args:
        main: takes the arguments that are no flags, with the program's name first.
    """
    from absl import app

    from tfrecords_builder import quiet_start

    _guard_streams()
    _log_to(sys.stderr)
    quiet_start.prepare_process()
    try:
        app.run(main)
    except SystemExit as ending:
        # absl gives 1.
        if ending.code == 1 and _HELP.intersection(sys.argv[1:]):
            sys.stdout.flush()
            sys.exit(0)
        raise
    finally:
        # Here rather than when the interpreter ends, where nothing could be caught.
        sys.stdout.flush()


def run_plain(main: Callable[[], int]) -> None:
    """Runs a command that reads its arguments itself; pipes may end as with `run`.

    Args:
        main: returns the exit status.
    """
    _guard_streams()
    try:
        sys.exit(main())
    finally:
        sys.stdout.flush()


def _guard_streams() -> None:
    sys.stdout = _guarded(sys.stdout, ends=True)
    sys.stderr = _guarded(sys.stderr, ends=False)


class _Pipe(io.FileIO):
    """A standard stream whose reader may be gone."""

    def __init__(self, descriptor: int, ends: bool):
        super().__init__(descriptor, "w", closefd=False)
        self._ends = ends

    def write(self, data) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            # What is still buffered goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if self._ends:
                sys.exit(CLOSED_PIPE)
            return len(data)


def _guarded(stream, ends: bool):
    """The stream over a `_Pipe`; as it is if it is no file, as under a test."""
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(descriptor, ends)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _log_to(stream) -> None:
    """Lets absl log to the guarded stream: it took the other when it was imported."""
    from absl import logging

    handler = getattr(logging.get_absl_handler(), "python_handler", None)
    if handler is not None:
        handler.stream = stream

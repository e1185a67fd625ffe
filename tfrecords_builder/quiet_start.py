"""Starts TensorFlow, and sets up our own lines, without chatter on a machine that has no GPU.

TensorFlow's C++ part writes to the process's stderr before any log level counts. What it always
says on a CPU machine is held back; every other line is passed on.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Collection, Iterator

from absl import logging

from tfrecords_builder.first_import import when_first_imported

_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|.*\b(port|cudart_stub|cpu_feature_guard|cuda_platform|cuda_executor|cuda_diagnostics)\.cc:\d+\]"
    rb"|To enable the following instructions:)"
)
# What Keras imports if it is there, for wrappers, pictures and data that no command gives it.
_UNUSED_BY_KERAS = ("sklearn", "matplotlib", "pandas", "scipy")


def prepare_process() -> None:
    """Keeps a command quiet: plain lines at a terminal, TensorFlow without chatter if it starts.

    TensorFlow is not imported here, so that --help and wrong flags take no seconds.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    plain_lines_at_a_terminal()
    when_first_imported("tensorflow", _start_quietly)


def start_tensorflow() -> None:
    """Imports TensorFlow and looks for its devices; only unusual lines reach stderr.

    Keras comes without its wrappers for other libraries: a third of the seconds that it takes.
    """
    with without_chatter(), _absent(_UNUSED_BY_KERAS):
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")


def plain_lines_at_a_terminal() -> None:
    """Log lines without absl's prefix (date, process, file), if stderr is a terminal."""
    if sys.stderr.isatty():
        logging.get_absl_handler().setFormatter(_PlainFormatter())


@contextlib.contextmanager
def _absent(packages: Collection[str]) -> Iterator[None]:
    """Context manager: packages that are not imported yet look as if they were not installed."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name) is None:
                sys.modules.pop(name, None)


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Context manager: holds back what TensorFlow always says on a machine without a GPU.

    What the block writes to stderr appears when it ends, an exception included.
    """
    try:
        stderr = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        # Replaced by something without a file, as notebooks and tests do.
        yield
        return
    sys.stderr.flush()
    kept = os.dup(stderr)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), stderr)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, stderr)
            os.close(kept)
            held.seek(0)
            lines = [line for line in held if not _CHATTER.match(line)]
            os.write(stderr, b"".join(lines))


class _PlainFormatter(logging.PythonFormatter):
    """The message alone; warnings and errors say what they are."""

    def format(self, record):
        words = {"WARNING": "Warning: ", "ERROR": "Error: "}.get(record.levelname, "")
        return words + record.getMessage()


def _start_quietly(module, execute) -> None:
    with without_chatter():
        execute()
        module.config.list_physical_devices("GPU")

"""How a run's training ended: `outcome.json` for reports and schedulers, and `report.html`."""

import contextlib
import datetime
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from clinicalbert_tf.run_files import OUTCOME_NAME, RECORD_NAME
from clinicalbert_tf.training.hooks import Call, LoopHook, Stop
from clinicalbert_tf.training.preemption import Interrupted
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states.folder_lock import FolderInUseError
from clinicalbert_tf.training.watching import json_lines
from tfrecords_builder.files import write_private

# Also what a run that was killed leaves behind: nothing could say otherwise.
RUNNING = "running"
FINISHED = "finished"
STOPPED = "stopped"
FAILED = "failed"


class Outcome(LoopHook):
    """Writes `outcome.json`: "running" at the start, then how it ended.

    Its keys: state, step (updates made), num_train_steps, reason (a sentence, or None), time
    (ISO 8601, UTC).

    Args:
        directory: the run's folder.
    """

    def __init__(self, directory: str):
        self.directory = directory
        self._stop: Stop | None = None

    def start(self, first_step, num_train_steps, last_saved):
        self._step, self._end = first_step, num_train_steps
        self._write(RUNNING, None)

    def after_call(self, call: Call) -> None:
        self._step = call.step

    def stopping(self, stop: Stop) -> None:
        self._stop = stop

    def close(self, error=None) -> None:
        if self._stop is not None:
            # What is raised says more: the signal, and where the state is saved.
            self._write(STOPPED, str(self._stop.error or self._stop.reason))
        elif isinstance(error, Interrupted | KeyboardInterrupt):
            self._write(STOPPED, str(error) or "Stopped by SIGINT.")
        elif error is not None:
            self._write(FAILED, f"{type(error).__name__}: {error}")
        else:
            self._write(FINISHED, None)

    def _write(self, state: str, reason: str | None) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        content = {
            "state": state,
            "step": self._step,
            "num_train_steps": self._end,
            "reason": reason,
            "time": now,
        }
        path = os.path.join(self.directory, OUTCOME_NAME)
        write_private(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_outcome(directory: str) -> dict[str, Any] | None:
    """What a run's `outcome.json` says, or None if there is no readable one."""
    try:
        with open(os.path.join(directory, OUTCOME_NAME), encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


@contextlib.contextmanager
def reported(
    settings: RunSettings, chief: bool, write_report: Callable[[str], str] | None
) -> Iterator[None]:
    """Writes the report of what lies in the output folder when the block ends, error or not.

    Args:
        settings: of the run; `report` says whether there is one.
        chief: whether this process writes the files that all workers share.
        write_report: from the run's folder to the path of the report that it wrote; None for no
            report.
    """
    try:
        yield
    except FolderInUseError:
        # What lies there is another process's, its report too.
        chief = False
        raise
    finally:
        record = os.path.join(settings.output_dir, RECORD_NAME)
        if write_report is not None and chief and settings.report and os.path.exists(record):
            _write(settings.output_dir, write_report)


def _write(output_dir: str, write_report: Callable[[str], str]) -> None:
    try:
        path = write_report(output_dir)
    except (OSError, ValueError) as error:
        # A report that cannot be made must not hide how the run itself ended.
        logging.warning(
            "Could not write the report (%s). Make it later: python -m clinicalbert_tf.report %s",
            *(error, output_dir),
        )
        return
    logging.info("Report: %s.", path, extra=json_lines.fields(event="report", path=path))

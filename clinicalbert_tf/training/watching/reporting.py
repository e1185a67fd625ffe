"""`report.html` at the end of a run, however it ends."""

import contextlib
import os
from collections.abc import Callable, Iterator

from absl import logging

from clinicalbert_tf.run_files import RECORD_NAME
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.states.folder_lock import FolderInUseError
from clinicalbert_tf.training.watching import json_lines


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

"""`report.html` at the end of a run, however it ends."""

import contextlib
import os
from collections.abc import Iterator

from absl import logging

from clinicalbert_tf.report import page
from clinicalbert_tf.training.settings import PretrainingSettings
from clinicalbert_tf.training.states import run_record
from clinicalbert_tf.training.states.folder_lock import FolderInUseError
from clinicalbert_tf.training.watching import json_lines


@contextlib.contextmanager
def reported(settings: PretrainingSettings, chief: bool) -> Iterator[None]:
    """Writes the report of what lies in the output folder when the block ends, error or not.

    Args:
        settings: of the run; `report` says whether there is one.
        chief: whether this process writes the files that all workers share.
    """
    try:
        yield
    except FolderInUseError:
        # What lies there is another process's, its report too.
        chief = False
        raise
    finally:
        record = os.path.join(settings.output_dir, run_record.NAME)
        if chief and settings.report and os.path.exists(record):
            _write(settings.output_dir)


def _write(output_dir: str) -> None:
    try:
        path = page.write_report(output_dir)
    except (OSError, ValueError) as error:
        # A report that cannot be made must not hide how the run itself ended.
        logging.warning(
            "Could not write the report (%s). Make it later: python -m clinicalbert_tf.report %s",
            *(error, output_dir),
        )
        return
    logging.info("Report: %s.", path, extra=json_lines.fields(event="report", path=path))

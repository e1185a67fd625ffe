"""Evaluations as TensorBoard events."""

import os
from collections.abc import Mapping

from absl import logging

from clinicalbert_tf.run_files import EVALUATION_FOLDER
from clinicalbert_tf.training.watching.guarded import WRITE_ERRORS
from clinicalbert_tf.training.watching.summaries import Summaries


class EvaluationSummaries:
    """Writes the scalars of each evaluation into OUTPUT_DIR/eval.

    A failure to write is logged and changes nothing else. Until `resume_at` was called, nothing
    that lies there already is taken back.

    Args:
        output_dir: the run's folder.
    """

    def __init__(self, output_dir: str):
        self.directory = os.path.join(output_dir, EVALUATION_FOLDER)
        self._last: int | None = None
        self._summaries: Summaries | None = None

    def resume_at(self, step: int) -> None:
        """Takes back what was written beyond a step, by this process or another, 0 for all."""
        self.close()
        self._last = step

    def write(self, step: int, results: Mapping[str, float]) -> None:
        """Writes one evaluation's scalars at a step."""
        try:
            if self._summaries is None:
                # An evaluation that is made once more replaces the one at the same step.
                kept = None if self._last is None else min(self._last, step - 1)
                self._summaries = Summaries(self.directory, kept)
            self._summaries.scalars(
                step, {name: value for name, value in results.items() if value is not None}
            )
            self._summaries.flush()
            if self._last is not None:
                # A writer that comes after this one must not take it back.
                self._last = step
        except WRITE_ERRORS as error:
            # A writer that failed once fails for ever; the next evaluation gets a new one.
            self._summaries = None
            logging.warning("Could not write events into %s (%s).", self.directory, error)

    def close(self) -> None:
        """Closes the file, if there is one."""
        if self._summaries is not None:
            try:
                self._summaries.close()
            except WRITE_ERRORS as error:
                logging.warning("Could not write events into %s (%s).", self.directory, error)
            self._summaries = None

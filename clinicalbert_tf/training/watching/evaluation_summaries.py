"""Evaluations as TensorBoard events."""

import os
from collections.abc import Mapping

from absl import logging

from clinicalbert_tf.training.watching.guarded import WRITE_ERRORS
from clinicalbert_tf.training.watching.hparams import EVALUATION
from clinicalbert_tf.training.watching.summaries import Summaries


class EvaluationSummaries:
    """Writes the scalars of each evaluation into OUTPUT_DIR/eval.

    A failure to write is logged and changes nothing else.

    Args:
        output_dir: the run's folder.
        resumed_at: as of Summaries.
    """

    def __init__(self, output_dir: str, resumed_at: int = 0):
        self.directory = os.path.join(output_dir, EVALUATION)
        self.resumed_at = resumed_at
        self._summaries: Summaries | None = None

    def write(self, step: int, results: Mapping[str, float]) -> None:
        """Writes one evaluation's scalars at a step."""
        try:
            if self._summaries is None:
                self._summaries = Summaries(self.directory, self.resumed_at)
            self._summaries.scalars(step, results)
            self._summaries.flush()
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

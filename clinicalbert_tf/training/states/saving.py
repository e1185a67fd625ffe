"""Saving while a run trains: what goes into a state, and what a full disk means."""

import os
from collections.abc import Callable
from typing import Any

from absl import logging

from clinicalbert_tf.training.states.checkpoints import STEM, Checkpoints, newest_state
from clinicalbert_tf.training.states.disk import may_pass


class StateSaver:
    """Saves the states of a run; only the chief writes.

    A save that fails for a reason that may pass (full disk, quota, a network file system that
    does not answer) is logged; training continues and the next save is tried as ever. Any other
    failure (no permission, folder gone, read-only file system) is raised: it would not pass by
    itself, and training for nothing costs more than a stop.

    Args:
        checkpoints: writes them.
        content: from a step to what its state.json holds beside the files.
        chief: whether this process writes.
    """

    def __init__(
        self, checkpoints: Checkpoints, content: Callable[[int], dict[str, Any]], chief: bool
    ):
        self.checkpoints = checkpoints
        self.content = content
        self.chief = chief

    def save(self, step: int) -> str | None:
        """Saves the state as it stands.

        Returns:
            The checkpoint's prefix, or None if it could not be written for now.

        Raises:
            OSError: it could not be written and waiting does not help.
        """
        directory = self.checkpoints.directory
        if not self.chief:
            return os.path.join(directory, f"{STEM}-{step}")
        try:
            return self.checkpoints.save(self.content(step))
        except OSError as error:
            if not may_pass(error):
                raise
            self.checkpoints.remove_unfinished()
            last = newest_state(directory)
            logging.error(
                "Could not save %s-%d (%s). The last good checkpoint stays: %s. Training "
                "continues, and the next save is tried as ever.",
                *(STEM, step, error, last.prefix if last else "there is none yet"),
            )
            return None

    def renew(self, step: int) -> None:
        """Brings the state.json of a step up to date, where that step was saved."""
        if not self.chief:
            return
        try:
            self.checkpoints.renew(step, self.content(step))
        except OSError as error:
            if not may_pass(error):
                raise
            logging.warning(
                "Could not bring the state of step %d up to date (%s); resumed from there, the "
                "run evaluates once more.",
                *(step, error),
            )

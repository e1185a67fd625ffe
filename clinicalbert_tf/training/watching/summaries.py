"""TensorBoard events of training and of evaluations."""

import glob
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from absl import logging
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from clinicalbert_tf.run_files import EVALUATION_FOLDER
from clinicalbert_tf.training.hooks import Call, LoopHook
from clinicalbert_tf.training.watching.hparams import end_summary, settings_summaries
from clinicalbert_tf.training.watching.spent import TokenCount
from tfrecords_builder.files import make_private_folder

# TensorBoard's writer goes through TensorFlow's file systems, which have errors of their own.
WRITE_ERRORS = (OSError, tf.errors.OpError)
BY_TOKENS = "by_tokens"
_EVENTS = "events.out.tfevents.*"


class Summaries:
    """Writes a run's events for `tensorboard --logdir`.

    Args:
        directory: where the events file goes.
        resumed_at: the step that the run resumes from, 0 for its beginning. What a killed run
            wrote beyond it is taken back. None leaves everything as it is.
    """

    def __init__(self, directory: str, resumed_at: int | None = None):
        earlier = glob.glob(os.path.join(glob.escape(directory), _EVENTS))
        self._writer = EventFileWriter(make_private_folder(directory))
        if earlier and resumed_at is not None:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            event = event_pb2.Event(wall_time=time.time(), step=resumed_at + 1, session_log=start)
            self._writer.add_event(event)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes one value per tag at a step."""
        summary = summary_pb2.Summary(
            value=[
                summary_pb2.Summary.Value(tag=tag, simple_value=float(value))
                for tag, value in values.items()
            ]
        )
        self.write(step, summary)

    def write(self, step: int, summary: summary_pb2.Summary) -> None:
        """Writes a summary of any kind at a step."""
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))

    def flush(self) -> None:
        """Brings what was written to disk."""
        self._writer.flush()

    def close(self) -> None:
        """Brings everything to disk and closes the file."""
        self._writer.close()


class TrainingSummaries(LoopHook):
    """Every step's scalars as TensorBoard events, by step and by tokens seen, and the settings.

    The scalars by step go to `directory`; those by tokens to its folder `by_tokens`, under tags of
    their own ("by_tokens/loss"), whose step is the number of tokens after each step.

    Args:
        directory: where the events files go.
        tokens: the count of tokens. It and every hook that measures stand before this hook.
        settings: the run's settings by name, for the text and HParams tabs.
        metrics: tags of the scalars that the HParams tab has columns for.
    """

    def __init__(
        self,
        directory: str,
        tokens: TokenCount,
        settings: Mapping[str, Any],
        metrics: Sequence[str] = ("loss",),
    ):
        self.directory = directory
        self.tokens = tokens
        self.settings = settings
        self.metrics = tuple(metrics)
        # Two of them, or none if they could not be opened.
        self._open: tuple[Summaries, ...] = ()

    def start(self, first_step, num_train_steps, last_saved):
        self._open = ()
        self._seen = self.tokens.total
        self._last_step = first_step
        by_step = Summaries(self.directory, first_step)
        by_tokens = Summaries(os.path.join(self.directory, BY_TOKENS), self._seen)
        self._open = (by_step, by_tokens)
        for summary in settings_summaries(self.settings, self.directory, self.metrics):
            by_step.write(first_step, summary)

    def write(self, step: int, summary: summary_pb2.Summary) -> None:
        """Writes a summary of any kind at a step, beside the scalars, while they are written."""
        for by_step in self._open[:1]:
            by_step.write(step, summary)

    def measure(self, call: Call) -> dict[str, float]:
        # Here, not in after_call: a run that is killed once its state is saved must not lack the
        # steps before it. Those that were written and not saved are taken back on resuming.
        by_step, by_tokens = self._open
        first = call.step - len(call.scalars) + 1
        for step, scalars in enumerate(call.scalars, start=first):
            self._seen += round(scalars["tokens"])
            by_step.scalars(step, scalars)
            tagged = {f"{BY_TOKENS}/{tag}": value for tag, value in scalars.items()}
            by_tokens.scalars(self._seen, tagged)
        self._last_step = call.step
        self.flush()
        return {}

    def flush(self) -> None:
        """Brings what was written to disk."""
        for summaries in self._open:
            summaries.flush()

    def close(self, error=None):
        if error is None:
            # TensorBoard keeps the first end that it reads, so one that may be resumed has none.
            self.write(self._last_step, end_summary())
        for summaries in self._open:
            summaries.close()


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

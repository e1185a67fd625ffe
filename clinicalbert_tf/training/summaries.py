"""TensorBoard events."""

import time
from collections.abc import Mapping

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from clinicalbert_tf.training.hooks import Call, LoopHook
from clinicalbert_tf.training.private_files import make_private_folder


class Summaries:
    """Writes scalars of a run for `tensorboard --logdir`.

    Args:
        directory: where the events file goes.
        resumed_at: the step that a resumed run starts from, 0 for a fresh one. What a killed run
            wrote beyond it is taken back.
    """

    def __init__(self, directory: str, resumed_at: int = 0):
        self._writer = EventFileWriter(make_private_folder(directory))
        if resumed_at:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            event = event_pb2.Event(wall_time=time.time(), step=resumed_at + 1, session_log=start)
            self._writer.add_event(event)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes one value a tag at a step."""
        summary = summary_pb2.Summary(
            value=[
                summary_pb2.Summary.Value(tag=tag, simple_value=float(value))
                for tag, value in values.items()
            ]
        )
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))

    def flush(self) -> None:
        """Brings what was written to disk."""
        self._writer.flush()

    def close(self) -> None:
        """Brings everything to disk and closes the file."""
        self._writer.close()


class TrainingSummaries(LoopHook):
    """Every step's scalars as TensorBoard events.

    Args:
        directory: where the events file goes.
    """

    def __init__(self, directory: str):
        self.directory = directory

    def start(self, first_step, num_train_steps, last_saved):
        self._summaries = Summaries(self.directory, first_step)

    def after_call(self, call: Call) -> None:
        first = call.step - len(call.scalars) + 1
        for step, scalars in enumerate(call.scalars, start=first):
            self._summaries.scalars(step, scalars)
        self._summaries.flush()

    def close(self, error=None):
        self._summaries.close()

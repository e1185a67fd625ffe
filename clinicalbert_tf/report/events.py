"""Scalars out of TensorBoard's event files, without TensorFlow."""

import array
import dataclasses
import glob
import mmap
import os
from collections.abc import Collection, Iterable, Iterator

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto import event_pb2

from tfrecords_builder.tfrecord_files import whole_records

# Of larger files only some steps are read, as many as in a file of this many bytes: a run of a
# million steps must have its report within the seconds that a scheduler leaves a stopped one.
READ_WHOLE = 8 << 20
# In every training step's event; in those of a call's last step alone; in histograms.
_STEP, _END_OF_CALL, _HISTOGRAM = b"loss", b"tokens_per_second", b"weights/"


@dataclasses.dataclass(frozen=True)
class Curve:
    """The values of one tag.

    Attributes:
        steps: int64 [points], ascending.
        values: float64 [points].
    """

    steps: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)


def read_curves(directory: str, tags: Collection[str]) -> dict[str, Curve]:
    """The curves in a folder's event files, those of a resumed run joined to one.

    What a killed run wrote beyond the state that the next one started from is left out, as
    TensorBoard does. A file whose end is cut off counts up to there, and one beyond READ_WHOLE with
    a sample of its steps.

    Args:
        directory: a folder, which need not exist.
        tags: which tags to read.

    Returns:
        A curve for each of the tags that has values.
    """
    points = {tag: (array.array("q"), array.array("d")) for tag in tags}
    files = glob.glob(os.path.join(glob.escape(directory), "events.out.tfevents.*"))
    # Their names begin with the second in which they were made, so this is their order.
    for path in sorted(files):
        for event in _events(path):
            if event.HasField("session_log"):
                _forget_from(points, event.step)
                continue
            step = event.step
            for value in event.summary.value:
                if value.tag in points and value.HasField("simple_value"):
                    steps, values = points[value.tag]
                    steps.append(step)
                    values.append(value.simple_value)
    return {
        tag: _last_of_each_step(np.array(steps, np.int64), np.array(values))
        for tag, (steps, values) in points.items()
        if steps
    }


def _last_of_each_step(steps: np.ndarray, values: np.ndarray) -> Curve:
    """A curve in the order of steps: the best checkpoint is evaluated again behind the last one."""
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    last = np.r_[steps[1:] != steps[:-1], True]
    return Curve(steps[last], values[last])


def _forget_from(points, step: int) -> None:
    for steps, values in points.values():
        while steps and steps[-1] >= step:
            steps.pop()
            values.pop()


def _events(path: str) -> Iterator[event_pb2.Event]:
    if os.path.getsize(path) == 0:
        return
    try:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            every = 1 + len(content) // READ_WHOLE
            for data in _some(whole_records(content), every):
                yield event_pb2.Event.FromString(data)
    except DecodeError:
        # The rest of a damaged file is as lost as that of one that is cut off.
        return


def _some(events: Iterable[bytes], every: int) -> Iterator[bytes]:
    """Of each `every` steps' events the first and the first of a call's end; all other events.

    Telling them apart takes a tenth of the time that parsing them does.
    """
    step_is_wanted = end_is_wanted = False
    left_out = None
    for index, data in enumerate(events):
        if _HISTOGRAM in data:
            continue
        if index % every == 0:
            step_is_wanted = end_is_wanted = True
        left_out = None
        if _STEP not in data:
            yield data
        elif end_is_wanted and _END_OF_CALL in data:
            step_is_wanted = end_is_wanted = False
            yield data
        elif step_is_wanted:
            step_is_wanted = False
            yield data
        else:
            left_out = data
    if left_out is not None:
        # Where the run stands matters most.
        yield left_out

"""Where a training step's time goes, by kind of work, from TensorFlow's profiler."""

import collections
import pathlib
import re
import tempfile

import tensorflow as tf

# The first fragment that the operation's name holds counts.
KINDS = (
    ("BatchMatMul", "matrix products: attention"),
    ("MatMul", "matrix products: dense layers, output projection"),
    ("L2Loss", "gradient norm"),
    ("UnsortedSegmentSum", "sums of gradients"),
    ("AddN", "sums of gradients"),
    ("BiasAddGrad", "sums of gradients"),
    ("SparseSoftmax", "cross entropy and accuracy"),
    ("ArgMax", "cross entropy and accuracy"),
    ("Cast", "casts"),
)
# TensorFlow's operations are "path:Operation"; a compiled kernel's loops have lower-case names.
_OPERATION = re.compile(r"[^: ]*/[^: ]*:(_?[A-Z]\w+)")
_COMPILED = re.compile(r"(\w*fusion|wrapped_\S+|concat|copy|reduce\S*|transpose)(\.\d+)*")


def print_table(step, repeats: int) -> None:
    """Profiles some steps and prints the share of each kind of work."""
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(repeats):
            step()
        tf.profiler.experimental.stop()
        seconds = seconds_by_kind(folder)
    total = sum(seconds.values())
    print("| where a step's time goes | share |")
    print("|---|---|")
    for kind, value in seconds.most_common():
        print(f"| {kind} | {value / total:.1%} |")


def seconds_by_kind(folder: str) -> collections.Counter:
    """Seconds of operations by kind, summed over threads; time inside an operation once."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    seconds: collections.Counter = collections.Counter()
    for plane in space.planes:
        if plane.name != "/host:CPU":
            continue
        for line in plane.lines:
            for kind, duration in _operations(line, plane.event_metadata):
                seconds[kind] += duration
    return seconds


def _operations(line, metadata):
    """(kind, seconds) of a thread's outermost operations."""
    events = [
        (event.offset_ps, event.duration_ps, metadata[event.metadata_id].name)
        for event in line.events
    ]
    end = 0
    for begin, duration, name in sorted(events, key=lambda event: (event[0], -event[1])):
        kind = _kind(name) if begin >= end else None
        if kind:
            end = begin + duration
            yield kind, duration / 1e12


def _kind(name: str) -> str | None:
    """The kind of work of an event; None for the runtime's own events."""
    if _COMPILED.fullmatch(name):
        return "compiled kernels: gelu, normalization, softmax, dropout, update"
    operation = _OPERATION.fullmatch(name)
    if not operation:
        return None
    for fragment, kind in KINDS:
        if fragment in operation[1]:
            return kind
    return "other elementwise work: biases, embeddings"

"""A profile of chosen steps."""

import pathlib

import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from clinicalbert_tf.training.hooks import Call
from clinicalbert_tf.training.watching.chosen_steps import CallEnds, Profile


def make_steps(hook, first_step, end):
    """Steps one after another, calls as long as they may be; returns the calls' ends."""
    ends, step = [], first_step
    call_ends = CallEnds(None, (hook.first, hook.last))
    multiply = tf.function(lambda x: tf.matmul(x, x))
    while step < end:
        stop = call_ends.next_stop(step)
        count = min(end, stop or end) - step
        hook.before_call(step, count)
        for _ in range(count):
            multiply(tf.ones((32, 32))).numpy()
        step += count
        hook.measure(Call(step, [{}] * count, 1.0))
        ends.append(step)
    return ends


def profiled(folder):
    """(step numbers, names of operations) of the one profile in a folder."""
    (path,) = pathlib.Path(folder).glob("plugins/profile/*/*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    steps, names = set(), set()
    for plane in space.planes:
        stats = {number: data.name for number, data in plane.stat_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                names.add(name)
                if name == "train":
                    steps |= {
                        stat.int64_value or stat.uint64_value
                        for stat in event.stats
                        if stats[stat.metadata_id] == "step_num"
                    }
    return steps, names


def test_steps_asked_for_are_profiled_one_a_call(tmp_path):
    hook = Profile(str(tmp_path), 5, 7)
    hook.start(0, 12, None)
    assert make_steps(hook, 0, 12) == [4, 5, 6, 7, 12]
    hook.close()
    steps, names = profiled(tmp_path)
    assert steps == {5, 6, 7}
    assert any("MatMul" in name for name in names)


def test_first_step_can_be_profiled(tmp_path):
    hook = Profile(str(tmp_path), 1, 1)
    assert make_steps(hook, 0, 3) == [1, 3]
    assert profiled(tmp_path)[0] == {1}


def test_run_that_ends_within_the_profile_keeps_what_there_is(tmp_path):
    hook = Profile(str(tmp_path), 2, 9)
    assert make_steps(hook, 2, 4) == [3, 4]
    hook.close(KeyboardInterrupt())
    assert profiled(tmp_path)[0] == {3, 4}


@pytest.mark.parametrize("first_step", [7, 8])
def test_run_resumed_beyond_the_profile_makes_none(tmp_path, first_step):
    hook = Profile(str(tmp_path), 5, 7)
    assert make_steps(hook, first_step, 10) == [10]
    hook.close()
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Worker processes for the steps of the stage."""

import os
import signal

import pytest

from tfrecords_builder.settings import BuilderSettings
from tfrecords_builder.workers import WorkerKilledError, Workers

# Workers import what they run by name, which a test file has not: a frozen dataclass from the
# package and its methods serve as the state.
SETTINGS = {"output_dir": "out", "num_shards": 1000}


def make_workers(count):
    return Workers(count, BuilderSettings, SETTINGS["output_dir"])


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_items_order(count):
    with make_workers(count) as workers:
        found = list(workers.map("shard_name", range(50)))
    expected = [BuilderSettings("out").shard_name(i) for i in range(50)]
    assert found == expected


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_in_a_worker_comes_back(count):
    with make_workers(count) as workers, pytest.raises(ValueError, match="format code"):
        list(workers.map("shard_name", ["not a number"]))


@pytest.mark.parametrize("count", [1, 2])
def test_items_are_taken_as_results_are_wanted(count):
    taken = []

    def items():
        for i in range(100):
            taken.append(i)
            yield i

    with make_workers(count) as workers:
        results = workers.map("shard_name", items())
        next(results)
        assert len(taken) <= 2 * count
        results.close()


def test_a_killed_worker_is_a_clear_error():
    with make_workers(2) as workers:
        results = workers.map("shard_name", range(10_000))
        next(results)
        victim = next(iter(workers._executor._processes))
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerKilledError, match=r"2 workers.*memory.*same command again"):
            list(results)

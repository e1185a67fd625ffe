"""Worker processes for the steps of the stage."""

import multiprocessing
import os
import signal
import sys

import pytest

from tfrecords_builder.building.running import workers
from tfrecords_builder.building.running.workers import WorkerKilledError, Workers
from tfrecords_builder.building.settings import BuilderSettings

# Workers import what they run by name, which a test file has not: a frozen dataclass from the
# package and its methods serve as the state.
SETTINGS = {"output_dir": "out", "num_shards": 1000}


def make_workers(count):
    return Workers(count, BuilderSettings, SETTINGS["output_dir"])


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_items_order(count):
    with make_workers(count) as started:
        found = list(started.map("shard_name", range(50)))
    expected = [BuilderSettings("out").shard_name(i) for i in range(50)]
    assert found == expected


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_in_a_worker_comes_back(count):
    with make_workers(count) as started, pytest.raises(ValueError, match="format code"):
        list(started.map("shard_name", ["not a number"]))


@pytest.mark.parametrize("count", [1, 2])
def test_items_are_taken_as_results_are_wanted(count):
    taken = []

    def items():
        for i in range(100):
            taken.append(i)
            yield i

    with make_workers(count) as started:
        results = started.map("shard_name", items())
        next(results)
        assert len(taken) <= 2 * count
        results.close()


def test_workers_are_forked_from_one_thread_only(monkeypatch):
    monkeypatch.setattr(workers.sys, "platform", "linux")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(workers.threading, "active_count", lambda: 1)
    assert workers.start_context().get_start_method() == "fork"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow", workers)
        assert workers.start_context().get_start_method() == "spawn"
    monkeypatch.setattr(workers.threading, "active_count", lambda: 2)
    assert workers.start_context().get_start_method() == "spawn"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_forked_and_spawned_workers_do_the_same(method, monkeypatch):
    context = multiprocessing.get_context(method)
    monkeypatch.setattr(workers, "start_context", lambda: context)
    with make_workers(2) as started:
        assert list(started.map("shard_name", [3])) == ["part-00003-of-00016.tfrecord"]


def test_a_killed_worker_is_a_clear_error():
    with make_workers(2) as started:
        results = started.map("shard_name", range(10_000))
        next(results)
        victim = next(iter(started._executor._processes))
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerKilledError, match=r"2 workers.*memory.*same command again"):
            list(results)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

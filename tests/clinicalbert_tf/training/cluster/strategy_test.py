"""Strategies and devices: what is not there is said, both numbers named."""

import json
import os
import signal

import pytest

from clinicalbert_tf.training.cluster import strategy
from clinicalbert_tf.training.cluster.cluster import Cluster
from clinicalbert_tf.training.cluster.strategy import (
    DeviceError,
    build_strategy,
    check_batch_size,
)
from clinicalbert_tf.training.cluster.workers import Workers


def test_one_device_and_mirrored_have_the_replicas_asked_for():
    assert build_strategy("one_device").num_replicas_in_sync == 1
    assert build_strategy("mirrored").num_replicas_in_sync == 1
    two = build_strategy("mirrored", num_replicas=2)
    assert two.num_replicas_in_sync == 2
    assert Workers(two).chief


def test_runs_of_a_process_share_one_strategy():
    # A second one fails on several GPUs with a model of another shape.
    two = build_strategy("mirrored", num_replicas=2)
    assert build_strategy("mirrored", num_replicas=2) is two
    assert build_strategy("mirrored") is not two


def test_replicas_beyond_the_cores_name_both_numbers():
    cores = max(2, len(os.sched_getaffinity(0)))
    with pytest.raises(DeviceError, match=f"num_replicas is {cores + 1} but .* room for {cores} "):
        build_strategy("mirrored", num_replicas=cores + 1)


def test_one_device_has_no_second_replica():
    with pytest.raises(DeviceError, match="num_replicas is 2 but the strategy one_device has 1"):
        build_strategy("one_device", num_replicas=2)


def test_unknown_strategy_lists_the_known():
    with pytest.raises(ValueError, match="one_device, mirrored, multi_worker, tpu, received 'gpu'"):
        build_strategy("gpu")


def test_batch_that_does_not_divide_names_both_numbers():
    check_batch_size("train_batch_size", 32, 4)
    with pytest.raises(ValueError, match=r"train_batch_size is 30 but .* 4 replicas.*such as 28"):
        check_batch_size("train_batch_size", 30, 4)


def test_missing_tpu_is_said(monkeypatch):
    for name in ("TPU_NAME", "KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DeviceError, match=r"Expected a TPU named \(local\), found none"):
        build_strategy("tpu")
    # Port 1 of this machine: refused at once.
    with pytest.raises(DeviceError, match=r"named grpc://127\.0\.0\.1:1, .*--tpu_name"):
        build_strategy("tpu", tpu_name="grpc://127.0.0.1:1")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "received none"),
        ("not json", "JSONDecodeError"),
        ({"cluster": {"worker": ["a:1"]}}, "KeyError"),
        (
            {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}},
            r"received worker 2 of \{'worker': 2\}",
        ),
    ],
)
def test_unusable_tf_config_is_said(monkeypatch, config, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(DeviceError, match=message):
        build_strategy("multi_worker")


def test_sigterm_stays_with_who_had_it(monkeypatch):
    def own(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, own)
    try:
        with strategy.own_sigterm():
            # As TensorFlow's notifier does when it starts.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("jobs", "leader"),
    [
        ({"worker": ("a:1", "b:1")}, "/job:worker/replica:0/task:0"),
        ({"chief": ("c:1",), "worker": ("a:1",)}, "/job:chief/replica:0/task:0"),
    ],
)
def test_tensorflow_waits_for_a_silent_worker_as_long_as_asked(monkeypatch, jobs, leader):
    class Context:
        coordination_service = None

        def configure_coordination_service(self, **settings):
            self.settings = settings

    context = Context()
    monkeypatch.setattr(strategy.eager_context, "context", lambda: context)
    strategy.configure_heartbeats(Cluster(jobs, "worker", 0), timeout=45)
    assert context.settings["heartbeat_timeout_in_ms"] == 45_000
    assert context.settings["service_leader"] == leader
    tasks = {job.name: job.num_tasks for job in context.settings["coordinated_jobs"]}
    assert tasks == {kind: len(addresses) for kind, addresses in jobs.items()}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Strategies and devices: what is not there is said, both numbers named."""

import json
import os

import pytest

from clinicalbert_tf.training.strategy import (
    DeviceError,
    build_strategy,
    check_batch_size,
    is_chief,
)


def test_one_device_and_mirrored_have_the_replicas_asked_for():
    assert build_strategy("one_device").num_replicas_in_sync == 1
    assert build_strategy("mirrored").num_replicas_in_sync == 1
    two = build_strategy("mirrored", num_replicas=2)
    assert two.num_replicas_in_sync == 2
    assert is_chief(two)


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

"""The share of a device's peak: its rate and what of it a call reaches."""

import pytest
import tensorflow as tf

from clinicalbert_tf.training.hooks import Call
from clinicalbert_tf.training.watching import operations
from clinicalbert_tf.training.watching.operations import (
    ShareOfPeak,
    known_rate,
    measured_rate,
    pretraining_operations,
    replica_rate,
)

STEP = {"positions": 8 * 32.0}


def step_operations(config, examples, length):
    return pretraining_operations(config, examples, length, 5)


class Replicas:
    """As much of a strategy as is asked for."""

    def __init__(self, number, here=None):
        self.num_replicas_in_sync = number
        self.extended = self
        self.worker_devices = ("CPU",) * (here or number)


def test_share_is_operations_over_time_and_rate(small_config):
    operations = step_operations(small_config, 8, 32)
    hook = ShareOfPeak(small_config, 8, step_operations, Replicas(1), peak_tflops=operations / 1e12)
    # Three steps in six seconds, on a device that could make one per second.
    call = Call(3, [STEP] * 3, 6.0)
    assert hook.measure(call) == {"share_of_peak": pytest.approx(0.5)}


def test_share_is_that_of_one_of_several_replicas(small_config):
    operations = step_operations(small_config, 8, 32)
    hook = ShareOfPeak(small_config, 8, step_operations, Replicas(4), peak_tflops=operations / 1e12)
    assert hook.measure(Call(1, [STEP], 1.0)) == {"share_of_peak": pytest.approx(0.25)}


def test_positions_that_were_computed_are_those_that_count(small_config):
    hook = ShareOfPeak(small_config, 8, step_operations, Replicas(1), peak_tflops=1.0)
    call = Call(2, [{"positions": 8 * 16.0}, {"positions": 8 * 24.0}], 1.0)
    operations = sum(step_operations(small_config, 8, length) for length in (16, 24))
    assert hook.measure(call) == {"share_of_peak": pytest.approx(operations / 1e12)}


def test_rate_is_measured_once_and_after_the_first_call(small_config, monkeypatch):
    asked = []

    def found(*arguments):
        asked.append(arguments)
        return 1e9

    monkeypatch.setattr(operations, "replica_rate", found)
    hook = ShareOfPeak(small_config, 8, step_operations, Replicas(1), "mixed_bfloat16")
    hook.start(0, 10, None)
    hook.before_call(0, 1)
    assert asked == []
    shares = [hook.measure(Call(step, [STEP], 1.0))["share_of_peak"] for step in (1, 2)]
    assert len(asked) == 1 and asked[0][2] == "mixed_bfloat16"
    assert shares == [pytest.approx(step_operations(small_config, 8, 32) / 1e9)] * 2


def test_no_share_is_made_up_if_no_rate_is_known(small_config, monkeypatch):
    monkeypatch.setattr(operations, "replica_rate", lambda *_: None)
    assert (
        ShareOfPeak(small_config, 8, step_operations, Replicas(1)).measure(Call(1, [STEP], 1.0))
        == {}
    )


@pytest.mark.parametrize("given", [{"peak_tflops": 0.0}, {}])
def test_rate_of_zero_or_a_clock_that_stood_still_make_no_share(small_config, monkeypatch, given):
    monkeypatch.setattr(operations, "replica_rate", lambda *_: 0.0)
    hook = ShareOfPeak(small_config, 8, step_operations, Replicas(1), **given)
    assert hook.measure(Call(1, [STEP], 1.0)) == {}
    known = ShareOfPeak(small_config, 8, step_operations, Replicas(1), peak_tflops=1.0)
    assert known.measure(Call(1, [STEP], 0.0)) == {}


def test_product_on_a_clock_that_stands_still_has_a_rate(monkeypatch):
    monkeypatch.setattr(operations.time, "perf_counter", lambda: 1.0)
    monkeypatch.setattr(operations, "SECONDS_IN_ALL", -1.0)
    assert 0 < measured_rate(256, 256, "float32") < float("inf")


@pytest.mark.parametrize(
    ("name", "precision", "tera"),
    [
        ("NVIDIA A100-SXM4-80GB", "mixed_bfloat16", 312.0),
        ("NVIDIA A100-SXM4-80GB", "float32", 156.0),
        ("NVIDIA H100 80GB HBM3", "mixed_float16", 989.4),
        ("NVIDIA H100 PCIe", "mixed_bfloat16", 756.0),
        ("NVIDIA H200", "float32", 494.7),
        ("Tesla V100-SXM2-16GB", "mixed_float16", 125.0),
        ("Tesla V100-PCIE-16GB", "float32", 14.0),
        ("NVIDIA L40S", "mixed_bfloat16", 362.0),
        ("NVIDIA L4", "mixed_bfloat16", 121.0),
    ],
)
def test_known_gpus_have_their_data_sheets_rate(name, precision, tera):
    assert known_rate(name, precision) == tera * 1e12


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("NVIDIA GeForce GTX 1080", "float32"),
        ("Tesla T4", "mixed_bfloat16"),
        ("NVIDIA A1000", "float32"),
    ],
)
def test_rates_that_are_not_published_are_not_guessed(name, precision):
    assert known_rate(name, precision) is None


def test_measured_rate_is_one_that_products_reach(monkeypatch):
    # A clock on which every product takes a tenth of a second.
    now = [0.0]

    def later():
        now[0] += 0.1
        return now[0]

    monkeypatch.setattr(operations.time, "perf_counter", later)
    assert measured_rate(512, 1024, "float32") == pytest.approx(2 * 256 * 512 * 1024 / 0.1)


def test_rate_of_this_machine_is_shared_by_its_replicas(small_config, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(operations, "measured_rate", lambda *_: 6e9)
    assert replica_rate(small_config, Replicas(4, here=2), "float32") == 3e9


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_products_of_every_precision_can_be_measured(precision):
    assert 1e8 < measured_rate(64, 64, precision) < 1e16


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

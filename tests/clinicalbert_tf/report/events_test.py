"""Scalars out of event files, against what TensorBoard reads."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.report import events
from clinicalbert_tf.report.events import read_curves
from clinicalbert_tf.training.watching.summaries import Summaries


def write(folder, steps, monkeypatch, second, resumed_at=0, scale=1.0):
    """A file of events whose name says that it was made in a second."""
    monkeypatch.setattr("time.time", lambda: second)
    writer = Summaries(str(folder), resumed_at)
    for step in steps:
        scalars = {"loss": scale * step, "other": 1.0}
        if step % 10 == 0:
            scalars["tokens_per_second"] = 100.0 * step
        writer.scalars(step, scalars)
    writer.close()


def test_curves_are_those_that_tensorboard_reads(tmp_path, monkeypatch):
    write(tmp_path, range(1, 31), monkeypatch, 1e9)
    write(tmp_path, range(21, 41), monkeypatch, 2e9, resumed_at=20, scale=-0.5)
    curves = read_curves(str(tmp_path), ("loss", "tokens_per_second", "none"))
    assert sorted(curves) == ["loss", "tokens_per_second"]
    theirs = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0}).Reload()
    for tag, curve in curves.items():
        expected = theirs.Scalars(tag)
        assert curve.steps.tolist() == [event.step for event in expected]
        assert curve.values.tolist() == [event.value for event in expected]
    assert len(curves["loss"]) == 40


def test_step_that_is_written_again_keeps_its_last_value_and_its_place(tmp_path, monkeypatch):
    write(tmp_path, (10, 20, 30, 10), monkeypatch, 1e9)
    curve = read_curves(str(tmp_path), ("loss",))["loss"]
    assert (curve.steps.tolist(), curve.values.tolist()) == ([10, 20, 30], [10, 20, 30])


def test_folder_without_events_has_no_curves(tmp_path):
    assert read_curves(str(tmp_path / "missing"), ("loss",)) == {}


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_file_that_is_cut_off_counts_up_to_there(tmp_path, monkeypatch, cut):
    write(tmp_path, range(1, 31), monkeypatch, 1e9)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    steps = read_curves(str(tmp_path), ("loss",))["loss"].steps
    assert steps.tolist() == list(range(1, len(steps) + 1)) and 25 <= len(steps) < 30


def test_empty_file_and_garbage_end_nothing(tmp_path, monkeypatch):
    write(tmp_path, range(1, 5), monkeypatch, 1e9)
    (tmp_path / "events.out.tfevents.2000000000.a").write_bytes(b"")
    (tmp_path / "events.out.tfevents.3000000000.a").write_bytes(b"\x05" + b"\xff" * 50)
    garbage = b"\x04" + b"\0" * 7 + b"crc!" + b"\xff\xff\xff\xff" + b"crc!"
    (tmp_path / "events.out.tfevents.4000000000.a").write_bytes(garbage)
    assert read_curves(str(tmp_path), ("loss",))["loss"].steps.tolist() == [1, 2, 3, 4]


def test_of_a_long_file_a_sample_is_read_with_every_kind_of_step(tmp_path, monkeypatch):
    write(tmp_path, range(1, 4001), monkeypatch, 1e9)
    whole = read_curves(str(tmp_path), ("loss", "tokens_per_second"))
    (path,) = tmp_path.iterdir()
    monkeypatch.setattr(events, "READ_WHOLE", path.stat().st_size // 20)
    sample = read_curves(str(tmp_path), ("loss", "tokens_per_second"))
    assert 150 < len(sample["loss"]) < 450
    # Calls are ten steps long here, and every block of twenty has two ends of calls.
    assert 150 < len(sample["tokens_per_second"]) < 250
    assert sample["loss"].steps[-1] == 4000
    for tag, curve in sample.items():
        known = dict(zip(whole[tag].steps, whole[tag].values, strict=True))
        assert [known[step] for step in curve.steps] == curve.values.tolist()
        assert np.all(np.diff(curve.steps) > 0)


def test_sample_still_forgets_what_a_killed_run_wrote(tmp_path, monkeypatch):
    write(tmp_path, range(1, 1001), monkeypatch, 1e9)
    write(tmp_path, range(501, 1001), monkeypatch, 2e9, resumed_at=500, scale=-1.0)
    monkeypatch.setattr(events, "READ_WHOLE", 4096)
    curve = read_curves(str(tmp_path), ("loss",))["loss"]
    assert np.all(np.diff(curve.steps) > 0)
    np.testing.assert_array_equal(np.sign(curve.values), np.where(curve.steps > 500, -1, 1))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

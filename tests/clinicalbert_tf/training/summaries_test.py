"""TensorBoard events, read back with TensorBoard's own reader."""

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.training.summaries import Summaries


def read(directory):
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(event.step, round(event.value, 4)) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_scalars_are_read_back(tmp_path):
    summaries = Summaries(str(tmp_path / "run"))
    summaries.scalars(1, {"loss": 2.5, "learning_rate": 0.1})
    summaries.scalars(2, {"loss": 1.5})
    summaries.flush()
    assert read(tmp_path / "run") == {"loss": [(1, 2.5), (2, 1.5)], "learning_rate": [(1, 0.1)]}
    summaries.close()
    assert (tmp_path / "run").stat().st_mode & 0o077 == 0


def test_resumed_run_replaces_what_a_killed_one_wrote_beyond_its_state(tmp_path, monkeypatch):
    killed = Summaries(str(tmp_path))
    for step in range(1, 6):
        killed.scalars(step, {"loss": float(step)})
    killed.close()
    # Files are read in the order of the seconds in their names.
    monkeypatch.setattr("time.time", lambda: 4e9)
    resumed = Summaries(str(tmp_path), resumed_at=3)
    for step in range(4, 7):
        resumed.scalars(step, {"loss": 10.0 * step})
    resumed.close()
    expected = [(1, 1.0), (2, 2.0), (3, 3.0), (4, 40.0), (5, 50.0), (6, 60.0)]
    assert read(tmp_path) == {"loss": expected}

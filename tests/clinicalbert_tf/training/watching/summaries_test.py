"""TensorBoard events, read back with TensorBoard's own reader."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from clinicalbert_tf.report.events import read_curves
from clinicalbert_tf.training.hooks import Call
from clinicalbert_tf.training.watching.observers import Guarded
from clinicalbert_tf.training.watching.spent import TokenCount
from clinicalbert_tf.training.watching.summaries import Summaries, TrainingSummaries


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


def test_run_that_starts_again_from_nothing_takes_all_back(tmp_path, monkeypatch):
    for seconds, steps, size in ((3e9, range(1, 6), 70), (4e9, range(1, 4), 100)):
        monkeypatch.setattr("time.time", lambda seconds=seconds: seconds)
        tokens = TokenCount()
        hook = TrainingSummaries(str(tmp_path), tokens, {})
        tokens.start(0, 5, None)
        hook.start(0, 5, None)
        make_steps(hook, tokens, steps, size)
        hook.close(KeyboardInterrupt())
    assert read(tmp_path)["loss"] == [(1, 1.0), (2, 2.0), (3, 3.0)]
    by_tokens = read(tmp_path / "by_tokens")["by_tokens/loss"]
    assert by_tokens == [(100, 1.0), (200, 2.0), (300, 3.0)]
    steps = read_curves(str(tmp_path), ("loss",))["loss"].steps
    assert steps.tolist() == [1, 2, 3]


def test_nothing_is_taken_back_where_no_step_is_given(tmp_path, monkeypatch):
    for seconds, step in ((3e9, 5), (4e9, 2)):
        monkeypatch.setattr("time.time", lambda seconds=seconds: seconds)
        summaries = Summaries(str(tmp_path))
        summaries.scalars(step, {"loss": 1.0})
        summaries.close()
    assert read(tmp_path) == {"loss": [(5, 1.0), (2, 1.0)]}


def make_steps(hook, tokens, steps, tokens_a_step):
    for step in steps:
        scalars = {"loss": float(step), "tokens": float(tokens_a_step)}
        scalars |= tokens.measure(Call(step, [scalars], 1.0))
        hook.measure(Call(step, [scalars], 1.0))


def test_scalars_stand_by_step_and_by_tokens_seen(tmp_path):
    tokens = TokenCount()
    hook = TrainingSummaries(str(tmp_path), tokens, {"seed": 1})
    hook.start(0, 3, None)
    make_steps(hook, tokens, [1, 2, 3], 1000)
    hook.close()
    assert read(tmp_path)["loss"] == [(1, 1.0), (2, 2.0), (3, 3.0)]
    by_tokens = read(tmp_path / "by_tokens")
    assert by_tokens["by_tokens/loss"] == [(1000, 1.0), (2000, 2.0), (3000, 3.0)]
    assert read(tmp_path)["tokens_seen"][-1] == (3, 3000.0)


def test_steps_are_on_disk_once_they_are_measured(tmp_path):
    hook = TrainingSummaries(str(tmp_path), TokenCount(), {})
    hook.start(0, 2, None)
    hook.measure(Call(2, [{"loss": 5.0, "tokens": 70.0}, {"loss": 4.0, "tokens": 30.0}], 1.0))
    assert read(tmp_path)["loss"] == [(1, 5.0), (2, 4.0)]
    hook.close()


def test_events_that_could_not_be_begun_begin_after_the_next_save(tmp_path):
    (tmp_path / "by_tokens").write_text("in the way")
    tokens = TokenCount()
    hook = Guarded(TrainingSummaries(str(tmp_path), tokens, {}))
    hook.start(0, 4, None)

    def make(step, saved):
        scalars = {"loss": float(step), "tokens": 10.0}
        tokens.measure(Call(step, [scalars], 1.0))
        hook.measure(Call(step, [scalars], 1.0))
        hook.after_call(Call(step, [scalars], 1.0, saved))

    make(1, "model.ckpt-1")
    (tmp_path / "by_tokens").unlink()
    make(2, "model.ckpt-2")
    make(3, None)
    hook.close()
    assert read(tmp_path)["loss"] == [(3, 3.0)]
    assert read(tmp_path / "by_tokens")["by_tokens/loss"] == [(30, 3.0)]


def test_tokens_of_several_steps_in_a_call_add_up(tmp_path):
    tokens = TokenCount()
    hook = TrainingSummaries(str(tmp_path), tokens, {})
    hook.start(0, 2, None)
    hook.measure(Call(2, [{"loss": 5.0, "tokens": 70.0}, {"loss": 4.0, "tokens": 30.0}], 1.0))
    hook.close()
    assert read(tmp_path / "by_tokens")["by_tokens/loss"] == [(70, 5.0), (100, 4.0)]


def test_resumed_run_goes_on_by_tokens_where_the_state_stood(tmp_path, monkeypatch):
    state = tmp_path / "model.ckpt-2.state.json"
    state.write_text(json.dumps({"tokens_seen": 2000}))
    for first, steps, size, seconds in ((0, [1, 2, 3, 4], 1000, 3e9), (2, [3, 4], 500, 4e9)):
        monkeypatch.setattr("time.time", lambda seconds=seconds: seconds)
        tokens = TokenCount()
        hook = TrainingSummaries(str(tmp_path), tokens, {})
        prefix = str(tmp_path / "model.ckpt-2")
        tokens.start(first, 4, prefix)
        hook.start(first, 4, prefix)
        make_steps(hook, tokens, steps, size)
        # Killed the first time: nothing is closed well.
        hook.close(KeyboardInterrupt() if first == 0 else None)
    expected = [(1000, 1.0), (2000, 2.0), (2500, 3.0), (3000, 4.0)]
    assert read(tmp_path / "by_tokens")["by_tokens/loss"] == expected
    assert [step for step, _ in read(tmp_path)["loss"]] == [1, 2, 3, 4]


def test_session_ends_for_hparams_only_where_the_run_does(tmp_path):
    for name, error in (("killed", KeyboardInterrupt()), ("done", None)):
        hook = TrainingSummaries(str(tmp_path / name), TokenCount(), {"seed": 1})
        hook.start(0, 1, None)
        hook.close(error)
    tags = {
        name: EventAccumulator(str(tmp_path / name)).Reload().PluginTagToContent("hparams")
        for name in ("killed", "done")
    }
    assert metadata.SESSION_START_INFO_TAG in tags["killed"]
    assert metadata.SESSION_END_INFO_TAG not in tags["killed"]
    assert metadata.SESSION_END_INFO_TAG in tags["done"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

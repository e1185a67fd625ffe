"""Evaluations as events: each step once, whatever began again in between."""

import itertools

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clinicalbert_tf.training.watching import summaries as summaries_module
from clinicalbert_tf.training.watching.summaries import EvaluationSummaries


@pytest.fixture(autouse=True)
def seconds(monkeypatch):
    """Every look at the clock is a second later: files are read in the order of their seconds."""
    clock = itertools.count(3_000_000_000)
    monkeypatch.setattr("time.time", lambda: float(next(clock)))


def write(summaries, losses):
    for step, loss in losses.items():
        summaries.write(step, {"loss": loss})


def read(folder):
    events = EventAccumulator(str(folder / "eval"), size_guidance={"scalars": 0}).Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


def started(folder, step):
    summaries = EvaluationSummaries(str(folder))
    summaries.resume_at(step)
    return summaries


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, [(10, 7.0), (20, 8.0)]),
        (10, [(10, 1.0), (20, 8.0)]),
        (20, [(10, 1.0), (20, 8.0)]),
        (35, [(10, 1.0), (20, 2.0), (30, 3.0), (40, 9.0)]),
    ],
)
@pytest.mark.parametrize("same_process", [False, True])
def test_run_that_goes_on_from_a_step_replaces_what_came_after(
    tmp_path, step, expected, same_process
):
    summaries = started(tmp_path, 0)
    write(summaries, {10: 1.0, 20: 2.0, 30: 3.0, 40: 4.0})
    if same_process:
        summaries.resume_at(step)
    else:
        summaries = started(tmp_path, step)
    again = {10: 7.0, 20: 8.0, 30: 9.5, 40: 9.0}
    # At the step itself an evaluation may be made up for.
    write(summaries, {at: loss for at, loss in again.items() if (at, loss) in expected})
    summaries.close()
    assert read(tmp_path) == expected


def test_evaluation_alone_takes_nothing_back(tmp_path):
    write(started(tmp_path, 0), {10: 1.0, 20: 2.0})
    alone = EvaluationSummaries(str(tmp_path))
    write(alone, {5: 3.0})
    alone.close()
    assert read(tmp_path) == [(10, 1.0), (20, 2.0), (5, 3.0)]


def test_writer_after_one_that_failed_keeps_what_was_written(tmp_path, monkeypatch, caplog):
    summaries = started(tmp_path, 0)
    write(summaries, {10: 1.0, 20: 2.0})

    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(summaries_module.Summaries, "scalars", full)
    write(summaries, {30: 3.0})
    assert "Could not write events" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr("time.time", lambda: 4e9)
    write(summaries, {40: 4.0})
    summaries.close()
    assert read(tmp_path) == [(10, 1.0), (20, 2.0), (40, 4.0)]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

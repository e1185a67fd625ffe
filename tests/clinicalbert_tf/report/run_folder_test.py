"""What a run's folder tells about time where the run began again."""

import dataclasses

import numpy as np
import pytest

from clinicalbert_tf.report.events import Curve
from clinicalbert_tf.report.run_folder import read_run_folder
from clinicalbert_tf.training.watching.summaries import Summaries


def began_twice(run_folder):
    """A run of calls of ten steps, 5 a second; one killed at step 20 stands before it."""
    steps = np.array([10, 20, 10, 20, 30, 40])
    curves = {
        "loss": Curve(np.array([*range(1, 21), *range(1, 41)]), np.ones(60)),
        "steps_per_second": Curve(steps, np.full(6, 5.0)),
        "tokens_per_second": Curve(steps, np.array([1.0, 1.0, 2.0, 2.0, 2.0, 2.0])),
    }
    return dataclasses.replace(read_run_folder(str(run_folder)), training=curves)


def test_steps_that_begin_again_take_no_time_back(run_folder):
    run = began_twice(run_folder)
    assert run.training_seconds() == pytest.approx(60 / 5)
    assert run.typical("tokens_per_second") == 2.0


def test_run_that_was_started_again_from_nothing_is_read_once(run_folder, monkeypatch):
    before = read_run_folder(str(run_folder))
    monkeypatch.setattr("time.time", lambda: 4e9)
    again = Summaries(str(run_folder), resumed_at=0)
    for step in range(1, 11):
        again.scalars(step, {"loss": 1.0} | ({"steps_per_second": 2.0} if step == 10 else {}))
    again.close()
    run = read_run_folder(str(run_folder))
    assert before.training_seconds() == pytest.approx(10 / 1 + 30 / 5)
    assert run.training["loss"].steps.tolist() == list(range(1, 11))
    assert run.training_seconds() == pytest.approx(10 / 2)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

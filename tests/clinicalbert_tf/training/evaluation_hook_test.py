"""Evaluation while a run trains: when, what is kept of it and when it ends the run."""

import json

import pytest

from clinicalbert_tf.training.evaluation_history import EvaluationHistory, history_of
from clinicalbert_tf.training.evaluation_hook import PeriodicEvaluation
from clinicalbert_tf.training.hooks import Call
from clinicalbert_tf.training.monitor import Monitor
from clinicalbert_tf.training.preemption import Interrupted, StopSignals
from clinicalbert_tf.training.states.checkpoints import STATE

LOWER = Monitor()
HIGHER = Monitor("f1", higher_is_better=True)


class Evaluator:
    """Evaluations with given losses, one after another; None stands for a stopped one."""

    def __init__(self, losses, measured_on="held out"):
        self.losses, self.measured_on, self.done = list(losses), measured_on, 0

    def run(self):
        loss = self.losses[self.done]
        self.done += 1
        return None if loss is None else {"loss": loss, "masked_lm_loss": loss}


class Best:
    directory = "best"

    def __init__(self):
        self.offers = []

    def offer(self, step, results, measured_on):
        self.offers.append((step, results["loss"], measured_on))
        return True


def make(losses, every=10, patience=0, best=None):
    events, renewed = [], []
    hook = PeriodicEvaluation(
        Evaluator(losses), every, patience, best,
        lambda step, results: events.append((step, results["loss"])), renewed.append, StopSignals(),
    )  # fmt: skip
    return hook, events, renewed


def call(step, stopping=False):
    return Call(step, [{"loss": 1.0}], 1.0, stopping=stopping)


def started(hook, tmp_path, step, history, end=45):
    """The hook after a start from a state that holds a history."""
    prefix = str(tmp_path / f"model.ckpt-{step}")
    with open(prefix + STATE, "w", encoding="utf-8") as file:
        json.dump({"global_step": step, **history.content()}, file)
    return hook.start(step, end, prefix)


def test_evaluates_at_its_multiples_and_at_the_end():
    best = Best()
    hook, events, renewed = make([3.0, 2.0, 2.5, 2.2, 1.0], best=best)
    assert hook.start(0, 45, None) is None
    for step in (5, 10, 20, 25, 30, 40, 45):
        assert hook.after_call(call(step)) is None
    assert events == [(10, 3.0), (20, 2.0), (30, 2.5), (40, 2.2), (45, 1.0)]
    assert renewed == [10, 20, 30, 40, 45]
    assert best.offers == [(step, loss, "held out") for step, loss in events]
    assert hook.last == (45, {"loss": 1.0, "masked_lm_loss": 1.0})
    assert [hook.next_stop(step) for step in (0, 9, 10, 44)] == [10, 10, 20, 50]


def test_ends_the_run_after_evaluations_without_a_better_one():
    hook, _, _ = make([3.0, 2.0, 2.0, 2.1], patience=2)
    hook.start(0, 100, None)
    assert [hook.after_call(call(step)) for step in (10, 20, 30)] == [None] * 3
    stop = hook.after_call(call(40))
    assert stop.error is None
    assert "2.0000 (step 20) in 2 evaluations" in stop.reason
    assert "--early_stopping_patience" in stop.reason


def test_ends_the_run_where_no_loss_was_ever_a_number(tmp_path):
    nan = float("nan")
    hook, _, _ = make([nan, nan], patience=2)
    hook.start(0, 100, None)
    assert hook.after_call(call(10)) is None
    stop = hook.after_call(call(20))
    assert stop.error is None
    assert stop.reason.startswith("no evaluation loss that is a number in 2 evaluations. ")
    again, _, _ = make([], patience=2)
    history = EvaluationHistory("held out", step=20, since_best=2)
    assert started(again, tmp_path, 20, history).reason == stop.reason


def test_a_loss_that_is_not_a_number_is_not_the_best():
    history = EvaluationHistory("x").with_value(1, float("nan"), LOWER).with_value(2, 5.0, LOWER)
    assert (history.best_step, history.best_value, history.since_best) == (2, 5.0, 0)
    history = history.with_value(3, float("nan"), LOWER)
    assert (history.best_step, history.since_best, history.step) == (2, 1, 3)


def test_history_survives_a_resume(tmp_path):
    history = EvaluationHistory("held out", step=20, best_step=10, best_value=2.0, since_best=1)
    hook, _, _ = make([2.5], patience=2)
    assert started(hook, tmp_path, 25, history) is None
    assert hook.after_call(call(30)) is not None
    assert hook.content["evaluation"]["since_best"] == 2
    assert hook.content["evaluation"]["best_step"] == 10


def test_run_without_patience_left_is_done_when_it_is_started_again(tmp_path):
    history = EvaluationHistory("held out", step=30, best_step=10, best_value=2.0, since_best=2)
    hook, events, _ = make([], patience=2)
    stop = started(hook, tmp_path, 30, history)
    assert stop.error is None and "The run is done" in stop.reason and events == []
    more, _, _ = make([1.5], patience=3)
    assert started(more, tmp_path, 30, history) is None


def test_evaluation_that_was_lost_with_its_process_is_made_up_for(tmp_path):
    history = EvaluationHistory("held out", step=10, best_step=10, best_value=2.0)
    hook, events, renewed = make([1.5])
    assert started(hook, tmp_path, 20, history) is None
    assert events == [(20, 1.5)] and renewed == [20]
    again, events, _ = make([])
    done = EvaluationHistory("held out", step=20, best_step=20, best_value=1.5)
    assert started(again, tmp_path, 20, done) is None and events == []


def test_history_on_other_records_is_not_compared_with():
    history = EvaluationHistory("held out", "loss", 20, 10, 2.0, 5)
    assert history_of(history.content(), "held out", "loss") == history
    assert history_of(history.content(), "others", "loss") == EvaluationHistory("others")
    assert history_of({}, "held out", "loss") == EvaluationHistory("held out")
    assert history_of({"evaluation": {"measured_on": "held out"}}, "held out", "loss").step is None


def test_history_of_a_version_that_went_by_the_loss_alone_is_read():
    held = {"measured_on": "held out", "step": 20, "best_step": 10, "best_loss": 2.0}
    history = history_of({"evaluation": {**held, "since_best": 5}}, "held out", "loss")
    assert history == EvaluationHistory("held out", "loss", 20, 10, 2.0, 5)
    other = history_of({"evaluation": {**held, "since_best": 5}}, "held out", "f1")
    assert other == EvaluationHistory("held out", "f1")


def test_a_metric_that_should_be_high_decides_by_its_highest_value():
    history = EvaluationHistory("x", "f1")
    for step, value in enumerate((0.2, 0.5, 0.4, float("nan"), 0.5), start=1):
        history = history.with_value(step, value, HIGHER)
    assert (history.best_step, history.best_value, history.since_best) == (2, 0.5, 3)
    assert HIGHER.value({"f1": None, "loss": 1.0}) != HIGHER.value({"f1": None, "loss": 1.0})


def test_evaluation_that_a_signal_stops_counts_for_nothing():
    hook, events, renewed = make([3.0, None])
    hook.start(0, 100, None)
    hook.after_call(call(10))
    stop = hook.after_call(call(20))
    assert isinstance(stop.error, Interrupted) and stop.error.agreed
    assert events == [(10, 3.0)] and renewed == [10]
    assert hook.content["evaluation"]["step"] == 10


def test_no_evaluation_is_begun_when_the_loop_ends_anyway():
    hook, events, _ = make([])
    hook.start(0, 100, None)
    assert hook.after_call(call(10, stopping=True)) is None and events == []


@pytest.mark.parametrize("end", [30, 35])
def test_patience_that_runs_out_at_the_end_is_no_early_stop(end):
    hook, _, _ = make([1.0, 2.0, 2.0, 2.0], patience=2)
    hook.start(0, end, None)
    stops = [hook.after_call(call(step)) for step in sorted({10, 20, 30, end})]
    assert stops[-1] is None if end == 30 else stops[2] is not None


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

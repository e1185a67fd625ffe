"""The loop around the steps: calls, saves, scalars and the stop on NaN."""

import signal

import numpy as np
import pytest

from clinicalbert_tf.tasks.pretraining.objective import PretrainingObjective
from clinicalbert_tf.training.hooks import LoopHook, Stop
from clinicalbert_tf.training.loop import (
    LoopSettings,
    NonFiniteLossError,
    TrainingLoop,
    UnsavedError,
)
from clinicalbert_tf.training.objective import ENGINE_SUMS
from clinicalbert_tf.training.preemption import Interrupted, StopSignals

SUM_NAMES = (*PretrainingObjective().sum_names, *ENGINE_SUMS)
NAMES = (*SUM_NAMES, "learning_rate", "gradient_norm")


class CountingStepper:
    """Steps that take no time: step n has an MLM loss of n, and NaN where asked."""

    objective = PretrainingObjective()
    sum_names = SUM_NAMES
    update_names = ("learning_rate", "gradient_norm")

    def __init__(self, nan_loss_at=None, nan_norm_at=None):
        self.made, self.calls = 0, []
        self.nan_loss_at, self.nan_norm_at = nan_loss_at, nan_norm_at

    def mean_over_workers(self, values):
        return np.array(values)

    def train(self, iterator, steps):
        self.calls.append(steps)
        rows = []
        for _ in range(steps):
            self.made += 1
            loss = np.nan if self.made == self.nan_loss_at else 2.0 * self.made
            norm = np.inf if self.made == self.nan_norm_at else 0.5
            row = dict.fromkeys(NAMES, 0.0) | {
                "masked_lm_loss": loss, "masked_lm_weight": 2.0, "masked_lm_correct": 1.0,
                "examples": 4.0, "tokens": 100.0, "learning_rate": 0.1, "gradient_norm": norm,
            }  # fmt: skip
            rows.append([row[name] for name in NAMES])
        return np.array(rows, np.float32)


class Recording(LoopHook):
    def __init__(self, seen):
        self.seen = seen

    def after_call(self, call):
        first = call.step - len(call.scalars) + 1
        self.seen += enumerate(call.scalars, start=first)


def run(stepper, first_step=0, last_saved=None, **settings):
    saved, seen = [], []
    hook = Recording(seen)
    loop = TrainingLoop(
        stepper,
        LoopSettings(**{"num_train_steps": 23, "save_checkpoints_steps": 5, "steps_per_loop": 3}
                     | settings),
        save=lambda step: saved.append((step, stepper.made)) or f"model.ckpt-{step}",
        hooks=[hook],
    )  # fmt: skip
    return loop.run(None, first_step, last_saved), saved, seen


def test_states_are_saved_at_multiples_and_at_the_end():
    stepper = CountingStepper()
    last, saved, seen = run(stepper)
    assert saved == [(5, 5), (10, 10), (15, 15), (20, 20), (23, 23)]
    assert sum(stepper.calls) == 23 and max(stepper.calls) <= 3
    assert [step for step, _ in seen] == list(range(1, 24))
    assert [scalars["masked_lm_loss"] for _, scalars in seen] == pytest.approx(
        [float(step) for step in range(1, 24)], rel=1e-4
    )
    assert seen[-1][1]["masked_lm_accuracy"] == pytest.approx(0.5, rel=1e-4)
    assert last == seen[-1][1]
    assert last["tokens_per_second"] > 0 and last["steps_per_second"] > 0


def test_calls_are_measured_before_their_save_and_told_of_it_after():
    order = []

    class Watching(LoopHook):
        def measure(self, call):
            order.append(("measured", call.step))
            return {}

        def after_call(self, call):
            order.append(("told", call.step, call.saved))

    TrainingLoop(
        CountingStepper(),
        LoopSettings(num_train_steps=2, save_checkpoints_steps=1, steps_per_loop=1),
        save=lambda step: order.append(("saved", step)) or f"model.ckpt-{step}",
        hooks=[Watching()],
    ).run(None, 0)
    assert order[:3] == [("measured", 1), ("saved", 1), ("told", 1, "model.ckpt-1")]
    assert [what for what, *_ in order] == ["measured", "saved", "told"] * 2


def test_resumed_loop_keeps_to_the_same_saves():
    _, saved, seen = run(CountingStepper(), first_step=8)
    assert [step for step, _ in saved] == [10, 15, 20, 23]
    assert [step for step, _ in seen] == list(range(9, 24))


def test_finished_run_makes_no_step():
    stepper = CountingStepper()
    assert run(stepper, first_step=23) == ({}, [], [])
    assert stepper.calls == []


@pytest.mark.parametrize("where", ["nan_loss_at", "nan_norm_at"])
def test_step_that_is_not_finite_stops_before_anything_is_saved(where):
    stepper = CountingStepper(**{where: 12})
    with pytest.raises(
        NonFiniteLossError, match=r"at step 12\. .*good checkpoint is model.ckpt-10"
    ):
        run(stepper)
    with pytest.raises(NonFiniteLossError, match=r"at step 2.*good checkpoint is none yet"):
        run(CountingStepper(**{where: 2}))
    with pytest.raises(NonFiniteLossError, match=r"good checkpoint is earlier/model.ckpt-8"):
        run(CountingStepper(**{where: 1}), first_step=8, last_saved="earlier/model.ckpt-8")


class Stopping(LoopHook):
    """Stops at a step, ends calls where asked, and remembers how it was closed."""

    def __init__(self, at, error=None, ends=()):
        self.at, self.error, self.ends, self.closed = at, error, ends, []

    def next_stop(self, step):
        return next((end for end in self.ends if end > step), None)

    def after_call(self, call):
        if call.step >= self.at:
            return Stop("enough", self.error)

    def close(self, error=None):
        self.closed.append(error)


def run_with(hook, stepper):
    saved = []
    loop = TrainingLoop(
        stepper,
        LoopSettings(num_train_steps=23, save_checkpoints_steps=5, steps_per_loop=3),
        save=lambda step: saved.append(step) or f"model.ckpt-{step}",
        hooks=[hook],
    )
    return loop, saved


def test_hook_that_stops_has_the_state_saved_first():
    hook, stepper = Stopping(at=7, ends=(7,)), CountingStepper()
    loop, saved = run_with(hook, stepper)
    assert loop.run(None, 0)["masked_lm_loss"] == pytest.approx(7.0, rel=1e-4)
    assert saved == [5, 7] and stepper.made == 7
    assert hook.closed == [None]


def test_hook_that_stops_at_a_save_does_not_save_twice_and_may_raise():
    error = RuntimeError("preempted")
    hook = Stopping(at=5, error=error)
    loop, saved = run_with(hook, CountingStepper())
    with pytest.raises(RuntimeError, match="preempted"):
        loop.run(None, 0)
    assert saved == [5] and hook.closed == [error]


def test_calls_end_where_a_hook_asks():
    hook, stepper = Stopping(at=99, ends=(1, 2, 4, 22)), CountingStepper()
    loop, _ = run_with(hook, stepper)
    loop.run(None, 0)
    ends = np.cumsum(stepper.calls)
    assert {1, 2, 4, 22} <= set(ends) and ends[-1] == 23


def test_steps_before_one_that_is_not_finite_reach_the_hooks():
    stepper, seen = CountingStepper(nan_loss_at=3), []
    loop = TrainingLoop(
        stepper,
        LoopSettings(num_train_steps=23, save_checkpoints_steps=50, steps_per_loop=3),
        save=lambda step: pytest.fail("saved"),
        hooks=[Recording(seen), Stopping(at=99, ends=(4,))],
    )
    # The second call makes steps 2 to 4.
    with pytest.raises(NonFiniteLossError, match="at step 3"):
        loop.run(None, 0)
    assert stepper.calls == [1, 3]
    assert [step for step, _ in seen] == [1, 2]
    assert seen[-1][1]["masked_lm_loss"] == pytest.approx(2.0, rel=1e-4)
    assert seen[-1][1]["tokens_per_second"] > 0


class Signalling(LoopHook):
    """Stands for a scheduler: a signal comes while a call is made."""

    def __init__(self, signals, at):
        self.signals, self.at, self.calls = signals, at, []

    def before_call(self, step, count):
        if step <= self.at < step + count:
            self.signals.received = signal.SIGTERM

    def after_call(self, call):
        self.calls.append((call.step, call.saved, call.stopping))


def test_signal_has_the_state_saved_after_the_call_that_it_came_in():
    signals, saved, stepper = StopSignals(), [], CountingStepper()
    hook = Signalling(signals, at=7)
    loop = TrainingLoop(
        stepper,
        LoopSettings(num_train_steps=23, save_checkpoints_steps=50, steps_per_loop=3),
        save=lambda step: saved.append((step, stepper.made)) or f"model.ckpt-{step}",
        hooks=[hook, Stopping(at=99, ends=(8, 10))],
        signals=signals,
    )
    with pytest.raises(Interrupted, match=r"SIGTERM: step 8 is saved as model\.ckpt-8") as raised:
        loop.run(None, 0)
    assert raised.value.agreed and raised.value.exit_code == 75
    assert saved == [(8, 8)] and stepper.made == 8
    assert hook.calls[-1] == (8, "model.ckpt-8", True)
    assert not any(stopping for *_, stopping in hook.calls[:-1])


def test_signals_raise_before_the_first_call_has_ended_and_wait_afterwards():
    signals, seen = StopSignals(), []

    class Looking(LoopHook):
        def before_call(self, step, count):
            seen.append(signals._deferred)

        def close(self, error=None):
            seen.append(signals._deferred)

    loop = TrainingLoop(
        CountingStepper(),
        LoopSettings(num_train_steps=4, save_checkpoints_steps=50, steps_per_loop=1),
        save=lambda step: f"model.ckpt-{step}",
        hooks=[Looking()],
        signals=signals,
    )
    loop.run(None, 0)
    assert seen == [False, True, True, True, False]


def saving_loop(save, steps=10):
    return TrainingLoop(
        CountingStepper(),
        LoopSettings(num_train_steps=steps, save_checkpoints_steps=5, steps_per_loop=5),
        save=save,
    )


def test_save_that_fails_is_tried_again_and_the_last_good_checkpoint_is_remembered():
    tried = []

    def save(step):
        tried.append(step)
        return None if step == 10 and len(tried) < 3 else f"model.ckpt-{step}"

    assert saving_loop(save).run(None, 0)["masked_lm_loss"] == pytest.approx(10.0, rel=1e-4)
    assert tried == [5, 10, 10]
    with pytest.raises(
        UnsavedError, match=r"save the state at step 10.*last good checkpoint is model\.ckpt-5"
    ):
        saving_loop(lambda step: "model.ckpt-5" if step == 5 else None).run(None, 0)
    with pytest.raises(UnsavedError, match="checkpoint is none yet"):
        saving_loop(lambda step: None).run(None, 0)


def test_signal_names_the_checkpoint_of_the_second_try():
    signals, tried = StopSignals(), []

    def save(step):
        tried.append(step)
        return None if len(tried) == 1 else f"model.ckpt-{step}"

    loop = TrainingLoop(
        CountingStepper(),
        LoopSettings(num_train_steps=23, save_checkpoints_steps=50, steps_per_loop=3),
        save=save,
        hooks=[Signalling(signals, at=0)],
        signals=signals,
    )
    with pytest.raises(Interrupted, match=r"step 1 is saved as model\.ckpt-1"):
        loop.run(None, 0)
    assert tried == [1, 1]


def test_hook_may_end_the_loop_before_its_first_step():
    class Done(LoopHook):
        def start(self, first_step, num_train_steps, last_saved):
            return Stop("done before")

    hook, saved = Stopping(at=99), []
    loop = TrainingLoop(
        CountingStepper(),
        LoopSettings(num_train_steps=9, save_checkpoints_steps=5, steps_per_loop=5),
        save=saved.append,
        hooks=[Done(), hook],
    )
    assert loop.run(None, 4, "model.ckpt-4") == {}
    assert saved == [] and loop.stepper.calls == [] and hook.closed == [None]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

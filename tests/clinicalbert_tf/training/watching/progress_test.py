"""What a run says of its progress."""

import pytest

from clinicalbert_tf.training.hooks import Call
from clinicalbert_tf.training.monitor import Shown
from clinicalbert_tf.training.watching import progress
from clinicalbert_tf.training.watching.progress import Progress

SCALARS = {
    "loss": 5.25, "masked_lm_loss": 4.5, "tokens_per_second": 12345.6, "share_of_peak": 0.713,
}  # fmt: skip


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    # As if stderr were a file.
    monkeypatch.setattr(progress.json_lines, "bars_disabled", lambda: True)
    return Clock(monkeypatch)


def lines(caplog):
    return [
        (record.getMessage(), getattr(record, "clinicalbert_tf_fields", None))
        for record in caplog.records
        if record.name == "absl"
    ]


def run(hook, clock, caplog, calls):
    """Lines of calls given as (step, steps made, seconds, saved)."""
    with caplog.at_level("INFO", logger="absl"):
        for step, steps, seconds, saved in calls:
            clock.now += seconds
            hook.after_call(Call(step, [SCALARS] * steps, seconds, saved))
    return lines(caplog)


def test_line_says_loss_rate_share_and_time_left(clock, caplog):
    hook = Progress([Shown("masked_lm_loss", "Masked words: loss", word="masked words")])
    hook.start(0, 1000, None)
    said = run(hook, clock, caplog, [(1, 1, 20.0, None), (101, 100, 50.0, None)])
    # The first call compiles, so it tells nothing of the time left.
    assert [message for message, _ in said] == [
        "step 1 of 1000: loss 5.250, masked words 4.500, 12,346 tokens/s, 71.3% of peak",
        "step 101 of 1000: loss 5.250, masked words 4.500, 12,346 tokens/s, 71.3% of peak, "
        "07:29 left",
    ]
    fields = said[1][1]
    assert fields["event"] == "progress" and fields["step"] == 101
    assert fields["num_train_steps"] == 1000 and fields["share_of_peak"] == 0.713
    assert fields["seconds_left"] == pytest.approx(899 * 0.5, abs=0.1)
    assert said[0][1]["seconds_left"] is None


def test_lines_come_now_and_then_and_at_the_end_and_saves_always(clock, caplog):
    hook = Progress([Shown("masked_lm_loss", "Masked words: loss", word="masked words")])
    hook.start(0, 6, None)
    calls = [(1, 1, 1.0, None), (2, 1, 10.0, None), (3, 1, 10.0, "out/model.ckpt-3"),
             (4, 1, 11.0, None), (5, 1, 1.0, None), (6, 1, 1.0, "out/model.ckpt-6")]  # fmt: skip
    said = run(hook, clock, caplog, calls)
    assert [fields["step"] for _, fields in said if fields["event"] == "progress"] == [1, 4, 6]
    assert [
        (message, fields["checkpoint"]) for message, fields in said if fields["event"] == "save"
    ] == [("Saved model.ckpt-3.", "out/model.ckpt-3"), ("Saved model.ckpt-6.", "out/model.ckpt-6")]


def test_time_left_follows_the_pace_of_late(clock, caplog):
    hook = Progress([Shown("masked_lm_loss", "Masked words: loss", word="masked words")])
    hook.start(0, 100_000, None)
    calls = [(1, 1, 99.0, None), *((step, 1, 40.0, None) for step in range(2, 40))]
    fields = run(hook, clock, caplog, calls)[-1][1]
    assert fields["seconds_left"] / (100_000 - 39) == pytest.approx(40.0)


def test_bar_shows_the_same_on_a_terminal(clock, monkeypatch, caplog, capsys):
    monkeypatch.setattr(progress.json_lines, "bars_disabled", lambda: False)
    hook = Progress([Shown("masked_lm_loss", "Masked words: loss", word="masked words")])
    hook.start(2, 10, "model.ckpt-2")
    assert run(hook, clock, caplog, [(10, 8, 5.0, "model.ckpt-10")]) == []
    hook.close()
    shown = capsys.readouterr().err
    assert "10/10" in shown and "71.3% of peak" in shown


def test_what_is_not_there_is_not_said():
    words = progress.in_short({"loss": 2.0, "masked_lm_loss": 2.0, "tokens_per_second": 10.0})
    assert words == "loss 2.000, 10 tokens/s"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

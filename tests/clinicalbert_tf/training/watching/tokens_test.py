"""The count of tokens, carried over from a saved state."""

import json

import pytest

from clinicalbert_tf.training.hooks import Call
from clinicalbert_tf.training.watching.spent import TokenCount


def test_tokens_of_every_step_are_counted_and_stand_in_the_last_one():
    count = TokenCount()
    count.start(0, 10, None)
    assert count.measure(Call(2, [{"tokens": 100.0}, {"tokens": 40.0}], 1.0)) == {
        "tokens_seen": 140
    }
    assert count.measure(Call(3, [{"tokens": 60.0}], 1.0)) == {"tokens_seen": 200}
    assert count.content == {"tokens_seen": 200}


def test_resumed_run_goes_on_from_the_states_count(tmp_path):
    prefix = str(tmp_path / "model.ckpt-7")
    (tmp_path / "model.ckpt-7.state.json").write_text(json.dumps({"tokens_seen": 5_000_000_001}))
    count = TokenCount()
    count.start(7, 10, prefix)
    count.measure(Call(8, [{"tokens": 9.0}], 1.0))
    assert count.total == 5_000_000_010


def test_state_without_a_count_is_said(tmp_path, caplog):
    (tmp_path / "model.ckpt-7.state.json").write_text("{}")
    count = TokenCount()
    with caplog.at_level("WARNING", logger="absl"):
        count.start(7, 10, str(tmp_path / "model.ckpt-7"))
    assert count.total == 0
    assert "model.ckpt-7 has no tokens_seen" in caplog.text


@pytest.mark.parametrize("before", [3, 0])
def test_fresh_start_counts_from_zero(before):
    count = TokenCount()
    count.total = before
    count.start(0, 10, None)
    assert count.total == 0


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

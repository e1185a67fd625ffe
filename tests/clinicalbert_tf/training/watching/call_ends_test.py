"""Where calls must end for what is watched at certain steps."""

import pytest

from clinicalbert_tf.training.watching.chosen_steps import CallEnds


@pytest.mark.parametrize(
    "histogram_steps, profile_steps, ends",
    [
        (None, None, {0: None, 7: None}),
        (4, None, {0: 4, 3: 4, 4: 8, 5: 8, 8: 12}),
        (None, (5, 7), {0: 4, 3: 4, 4: 5, 5: 6, 6: 7, 7: None}),
        (None, (1, 1), {0: 1, 1: None}),
        (6, (5, 7), {0: 4, 5: 6, 6: 7, 7: 12}),
    ],
)
def test_calls_end_at_multiples_and_around_each_profiled_step(histogram_steps, profile_steps, ends):
    hook = CallEnds(histogram_steps, profile_steps)
    assert {step: hook.next_stop(step) for step in ends} == ends


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

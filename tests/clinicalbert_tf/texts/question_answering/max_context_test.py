import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.texts.question_answering.max_context import best_windows
from clinicalbert_tf.texts.question_answering.windows import window_starts


def slow_best_windows(starts, lengths):
    """Each wordpiece and window in turn, as the rule is worded."""
    best = []
    for position in range(max((s + n for s, n in zip(starts, lengths, strict=True)), default=0)):
        scores = {}
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            if start <= position < start + length:
                left, right = position - start, start + length - 1 - position
                scores[number] = min(left, right) + 0.01 * length
        best.append(max(scores, key=scores.get))
    return best


def test_equals_the_reference(read_golden):
    cases = read_golden("cases/max_context.json")
    assert len(cases) == 7
    for case in cases:
        starts, lengths = zip(*case["spans_start_length"], strict=True)
        assert best_windows(starts, lengths).tolist() == case["best_span_of_each_position"]


@given(count=st.integers(0, 90), size=st.integers(1, 30), stride=st.integers(1, 40))
def test_equals_the_slow_rule_and_windows_leave_no_gap(count, size, stride):
    starts = window_starts(count, size, stride)
    lengths = [min(size, count - start) for start in starts]
    best = best_windows(starts, lengths).tolist()
    assert len(best) == count
    assert best == slow_best_windows(starts, lengths)


def test_window_starts_follow_one_another_by_the_stride_until_the_end_is_reached():
    assert window_starts(0, 10, 4) == []
    assert window_starts(10, 10, 4) == [0]
    assert window_starts(11, 10, 4) == [0, 4]
    assert window_starts(18, 10, 4) == [0, 4, 8]
    assert window_starts(25, 10, 40) == [0, 10, 20]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

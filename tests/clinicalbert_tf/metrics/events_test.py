"""The organisers' event score of i2b2 2012 on hand-counted events and against a slow version."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.metrics import events
from clinicalbert_tf.metrics.events import Event

TEXT = "chest pain , nausea and a chest X-ray today . "


def event(start, end, type_name="PROBLEM"):
    return Event(start, end, TEXT[start:end], type_name)


def test_overlap_exact_partial_and_type_by_hand():
    gold = [event(0, 10), event(13, 19), event(24, 37, "TEST")]
    system = [event(0, 10), event(13, 19, "TEST"), event(26, 37, "TEST"), event(38, 43)]
    scores = events.scores([(gold, system)])
    assert scores["overlap"] == {"precision": 0.75, "recall": 1.0, "f1": 6 / 7}
    # "a chest X-ray" and "chest X-ray" overlap only.
    assert (scores["exact"]["precision"], scores["exact"]["recall"]) == (0.5, 2 / 3)
    assert (scores["partial"]["precision"], scores["partial"]["recall"]) == (2.5 / 4, 2.5 / 3)
    assert scores["type_accuracy"] == 2 / 3


def test_words_without_punctuation_are_exact():
    scores = events.scores([([event(0, 10)], [event(0, 12)])])
    assert scores["exact"]["f1"] == 1.0


def test_an_event_is_used_once():
    scores = events.scores([([event(0, 5), event(6, 10)], [event(0, 10)])])
    assert scores["overlap"]["recall"] == 0.5
    assert scores["overlap"]["precision"] == 1.0


def test_an_event_that_starts_later_must_share_two_characters():
    assert events.match([event(4, 10)], [event(0, 5)])[0][0] == 0.0
    assert events.match([event(0, 5)], [event(4, 10)])[0][0] == 0.5


def test_nothing_gives_zero():
    scores = events.scores([([], []), ([event(0, 5)], [])])
    assert scores["overlap"]["f1"] == scores["type_accuracy"] == 0.0


def slow_match(first, second):
    """The organisers' loops over all pairs, written down as their script has them."""
    state = [[0, 0, 0.0, None] for _ in first]  # type right, agreement, credit, partner
    taken = {}
    for i, one in enumerate(first):
        for j, two in enumerate(second):
            late = one.start > two.start
            meets = two.end > one.start + 1 if late else one.end >= two.start + 1
            if not meets or not events.words_of(one.text)[1] or not events.words_of(two.text)[1]:
                continue
            credit = 1.0 if events.words_of(one.text)[0] == events.words_of(two.text)[0] else 0.5
            right = int(one.type == two.type)
            agreement = right + 2
            holder = taken.get(j)
            if credit == 1.0:
                if holder is None:
                    if state[i][2] < 1 or agreement > state[i][1]:
                        previous = state[i][3]
                        state[i] = [right, agreement, 1.0, j]
                        taken[j] = i
                        if previous is not None:
                            taken[previous] = None
                elif state[holder][2] < 1:
                    state[holder] = [0, 0, 0.0, None]
                    state[i] = [right, agreement, 1.0, j]
                    taken[j] = i
            elif holder is None and state[i][2] != 1 and agreement > state[i][1]:
                previous = state[i][3]
                state[i] = [right, agreement, 0.5, j]
                taken[j] = i
                if previous is not None:
                    taken[previous] = None
    return [(credit, bool(right)) for right, _, credit, _ in state]


def some_events():
    one = st.tuples(st.integers(0, 40), st.integers(1, 12), st.sampled_from(["PROBLEM", "TEST"]))
    return st.lists(one, max_size=7).map(
        lambda rows: [event(s, min(s + n, len(TEXT)), name) for s, n, name in rows]
    )


@settings(max_examples=200, deadline=None)
@given(some_events(), some_events())
def test_equals_the_loops_over_all_pairs(first, second):
    assert events.match(first, second) == slow_match(first, second)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

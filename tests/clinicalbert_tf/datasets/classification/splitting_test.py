"""Splits of one file: stratified, groups whole, seeded."""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.datasets.classification.examples import Example
from clinicalbert_tf.datasets.classification.splitting import parse_fractions, split_examples


def examples_of(labels, groups=None):
    groups = groups or [None] * len(labels)
    return [
        Example(str(n), f"text {n}", None, label, group)
        for n, (label, group) in enumerate(zip(labels, groups, strict=True))
    ]


def test_every_label_has_its_share_in_every_split():
    examples = examples_of(["a"] * 700 + ["b"] * 200 + ["c"] * 100)
    chosen = split_examples(examples, (0.8, 0.1, 0.1), seed=1)
    counts = {n: Counter(examples[p].label for p in places) for n, places in chosen.items()}
    assert counts["train"] == {"a": 560, "b": 160, "c": 80}
    assert counts["dev"] == counts["test"] == {"a": 70, "b": 20, "c": 10}
    assert sorted(itertools.chain(*chosen.values())) == list(range(1000))


def test_train_has_every_label_however_rare():
    examples = examples_of(["a"] * 12 + ["b"] * 6 + [f"rare {n}" for n in range(6)])
    for seed in range(20):
        chosen = split_examples(examples, (0.5, 0.25, 0.25), seed)
        assert {examples[p].label for p in chosen["train"]} == {e.label for e in examples}
        assert sorted(itertools.chain(*chosen.values())) == list(range(24))


def test_groups_stay_together_and_shares_are_near():
    labels = ["1" if n % 5 == 0 else "0" for n in range(2000)]
    groups = [f"p{n * 7919 % 400}" for n in range(2000)]
    examples = examples_of(labels, groups)
    chosen = split_examples(examples, (0.7, 0.15, 0.15), seed=3)
    of_group = {}
    for name, places in chosen.items():
        for place in places:
            assert of_group.setdefault(groups[place], name) == name
        positives = sum(labels[place] == "1" for place in places) / len(places)
        assert abs(positives - 0.2) < 0.02
    assert abs(len(chosen["train"]) / 2000 - 0.7) < 0.01


def test_seed_decides():
    examples = examples_of(["a", "b"] * 50)
    first = split_examples(examples, (0.5, 0.5, 0), seed=1)
    assert first == split_examples(examples, (0.5, 0.5, 0), seed=1)
    assert first != split_examples(examples, (0.5, 0.5, 0), seed=2)
    assert list(first) == ["train", "dev"]


def test_numbers_and_unlabelled_examples_are_one_stratum():
    chosen = split_examples(examples_of([0.5, 2.0, 7.0, 1.0] * 10), (0.5, 0.25, 0.25), seed=0)
    assert [len(places) for places in chosen.values()] == [20, 10, 10]
    chosen = split_examples(examples_of([None] * 10), (0.8, 0.1, 0.1), seed=0)
    assert [len(places) for places in chosen.values()] == [8, 1, 1]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9).map(str))),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 5),
)
def test_every_example_is_in_one_split(rows, seed):
    examples = examples_of([r[0] for r in rows], [r[1] for r in rows])
    try:
        chosen = split_examples(examples, (0.6, 0.2, 0.2), seed)
    except ValueError as error:
        assert "empty" in str(error)
        return
    assert sorted(itertools.chain(*chosen.values())) == list(range(len(rows)))


def test_too_few_groups_are_refused():
    with pytest.raises(ValueError, match="leaves"):
        split_examples(examples_of(["a"] * 9, ["p"] * 9), (0.8, 0.1, 0.1), seed=0)


def test_fractions():
    assert parse_fractions("0.8,0.1,0.1") == (0.8, 0.1, 0.1)
    assert parse_fractions("80, 20, 0") == (0.8, 0.2, 0.0)
    for wrong in ("0.8,0.1", "0.8,0.1,0.3", "0,0.5,0.5", "a,b,c", "", "1.2,-0.1,-0.1"):
        with pytest.raises(ValueError, match="--do_split"):
            parse_fractions(wrong)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Lenient scores against hand-counted cases, brute force and nervaluate."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.metrics import span_matching, spans

LABELS = ["O", "B-a", "I-a", "B-b", "I-b"]


def labels(min_size=1):
    one = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), max_size=10)
    return one.map(lambda some: ([a for a, _ in some], [b for _, b in some]))


def test_two_predictions_in_one_gold_entity_count_once():
    gold, predicted = [["B-a", "I-a", "I-a"]], [["B-a", "B-a", "I-a"]]
    for function in (span_matching.overlap_scores, span_matching.type_scores):
        scores = function(gold, predicted)
        assert (scores["precision"], scores["recall"]) == (0.5, 1.0)


def test_one_prediction_over_two_gold_entities_counts_once():
    scores = span_matching.overlap_scores([["B-a", "B-a"]], [["B-a", "I-a"]])
    assert (scores["precision"], scores["recall"]) == (1.0, 0.5)


def test_overlap_ignores_the_type_and_type_ignores_the_boundaries():
    gold, predicted = [["B-a", "I-a", "O", "B-b"]], [["B-b", "O", "O", "B-b"]]
    assert span_matching.overlap_scores(gold, predicted)["f1"] == 1.0
    assert span_matching.type_scores(gold, predicted)["f1"] == 0.5
    by_type = span_matching.overlap_scores(gold, predicted)["by_type"]
    assert by_type["a"]["recall"] == 1.0
    assert by_type["b"]["precision"] == 1.0


def largest_pairing(gold, predicted):
    """Slow: tries every set of pairs."""
    edges = [
        (i, j)
        for i, (_, a, b) in enumerate(gold)
        for j, (_, c, d) in enumerate(predicted)
        if c < b and a < d
    ]
    for size in range(min(len(gold), len(predicted)), 0, -1):
        for some in itertools.combinations(edges, size):
            if len({i for i, _ in some}) == size == len({j for _, j in some}):
                return size
    return 0


@settings(max_examples=120, deadline=None)
@given(labels())
def test_pairing_is_the_largest_one(sides):
    gold, predicted = map(spans.entities, sides)
    pairs = span_matching.pair_overlapping(gold, predicted)
    assert len(pairs) == largest_pairing(gold, predicted)


@settings(max_examples=60, deadline=None)
@given(labels())
def test_equals_nervaluate_if_no_entity_has_two_partners(sides):
    gold, predicted = sides
    partners = [
        (i, j)
        for i, (_, a, b) in enumerate(spans.entities(gold))
        for j, (_, c, d) in enumerate(spans.entities(predicted))
        if c < b and a < d
    ]
    if len({i for i, _ in partners}) < len(partners) or len({j for _, j in partners}) < len(
        partners
    ):
        return  # nervaluate counts such predictions several times
    if not gold:
        return
    nervaluate = pytest.importorskip("nervaluate")

    def as_dicts(found):
        return [{"label": name, "start": start, "end": end - 1} for name, start, end in found]

    evaluator = nervaluate.Evaluator(
        [as_dicts(spans.entities(gold))], [as_dicts(spans.entities(predicted))], ["a", "b"], "dict"
    )
    overall = evaluator.evaluate()["overall"]["ent_type"]
    scores = span_matching.type_scores([gold], [predicted])
    assert scores["precision"] == pytest.approx(overall.precision)
    assert scores["recall"] == pytest.approx(overall.recall)


@settings(max_examples=60, deadline=None)
@given(labels())
def test_exact_is_never_above_type_nor_type_above_overlap(sides):
    gold, predicted = [sides[0]], [sides[1]]
    exact = spans.exact_scores(gold, predicted)["f1"]
    by_type = span_matching.type_scores(gold, predicted)["f1"]
    assert exact <= by_type <= span_matching.overlap_scores(gold, predicted)["f1"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

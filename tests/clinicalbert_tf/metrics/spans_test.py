"""Entities and exact scores against conlleval's golden output, seqeval, and hand-counted cases."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.metrics import spans
from tests import support

GOLDEN = support.GOLDEN / "ner_eval"
LABELS = ["O", "B-a", "I-a", "B-b", "I-b", "B-LOCATION-OTHER", "I-LOCATION-OTHER"]
IOBES = [f"{tag}-{name}" for tag in "BIES" for name in "ab"] + ["O"]


def sentences_of(text):
    """Gold and predicted labels of an NER_result_conll text."""
    gold, predicted = [], []
    for block in re.split(r"\n\n+", text.strip("\n")):
        rows = [line.split() for line in block.split("\n") if line.strip()]
        gold.append([row[-2] for row in rows])
        predicted.append([row[-1] for row in rows])
    return gold, predicted


def pairs(labels=LABELS):
    one = st.lists(st.tuples(st.sampled_from(labels), st.sampled_from(labels)), max_size=12)
    return st.lists(one, min_size=1, max_size=5).map(
        lambda some: ([[a for a, _ in s] for s in some], [[b for _, b in s] for s in some])
    )


def assert_equals_conlleval(scores, expected):
    """conlleval prints two decimals of percent."""
    for name in ("precision", "recall", "f1"):
        assert f"{100 * scores[name]:.2f}" == f"{expected[name]:.2f}"
    assert list(scores["by_type"]) == sorted(expected["per_type"])
    for name, of_type in expected["per_type"].items():
        for key in ("precision", "recall", "f1"):
            assert f"{100 * scores['by_type'][name][key]:.2f}" == f"{of_type[key]:.2f}", name
        assert scores["by_type"][name]["predicted"] == of_type["found"]


@pytest.mark.parametrize("name", ["i2b2_2010", "i2b2_2012", "i2b2_2014"])
def test_exact_scores_equal_both_reference_scorers(name):
    folder = GOLDEN / name / "expected"
    gold, predicted = sentences_of((folder / "NER_result_conll.txt").read_text())
    expected = json.loads((folder / "scores.json").read_text())
    scores = spans.exact_scores(gold, predicted)
    for key in ("precision", "recall", "f1"):
        assert scores[key] == expected["score_i2b2"][key]
    assert_equals_conlleval(scores, expected["conlleval"])
    counts = spans.counts_by_sentence(gold, predicted).sum(axis=0).tolist()
    names = ("correct_phrases", "found_phrases", "gold_phrases")
    assert counts == [expected["conlleval"][n] for n in names]
    accuracy = 100 * spans.token_accuracy(gold, predicted)
    assert f"{accuracy:.2f}" == f"{expected['conlleval']['accuracy']:.2f}"
    corrections = expected["corrections_printed"]
    for side, labels in (("gold", gold), ("pred", predicted)):
        printed = sum(n for k, n in corrections.items() if k.startswith(side))
        assert spans.repaired_tags(labels) == printed


def test_small_cases_equal_conlleval_even_where_the_reference_scorer_stops():
    checked = 0
    for case in json.loads((GOLDEN / "small_cases.json").read_text()):
        expected = case["expected"]
        if expected.get("conlleval") is None:
            continue
        gold, predicted = sentences_of(expected["NER_result_conll"])
        assert_equals_conlleval(spans.exact_scores(gold, predicted), expected["conlleval"])
        checked += 1
    assert checked == 8


def test_i_after_o_and_after_another_type_begins_an_entity():
    labels = ["I-a", "I-a", "O", "I-b", "I-a", "B-a"]
    assert spans.entities(labels) == [("a", 0, 2), ("b", 3, 4), ("a", 4, 5), ("a", 5, 6)]
    assert spans.repaired_tags([labels]) == 3


def test_strict_and_default_rule_differ_by_a_wrong_first_tag():
    gold, predicted = [["B-a", "I-a", "O"]], [["I-a", "I-a", "O"]]
    assert spans.exact_scores(gold, predicted)["f1"] == 1.0
    assert spans.strict_scores(gold, predicted)["f1"] == 0.0


@settings(max_examples=150, deadline=None)
@given(pairs())
def test_exact_equals_seqeval(sides):
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    gold, predicted = sides
    expected = precision_recall_fscore_support(gold, predicted, average="micro", zero_division=0)
    scores = spans.exact_scores(gold, predicted)
    np.testing.assert_allclose(
        [scores["precision"], scores["recall"], scores["f1"]], expected[:3], atol=1e-15
    )


@settings(max_examples=150, deadline=None)
@given(pairs(IOBES))
def test_entities_of_iobes_equal_seqeval(sides):
    from seqeval.metrics.sequence_labeling import get_entities

    for labels in sides[0]:
        expected = [(name, start, end + 1) for name, start, end in get_entities(labels)]
        assert spans.entities(labels) == expected


def test_bilou_is_read_as_bioes():
    gold = [["B-a", "L-a", "U-b", "O"]]
    assert spans.entities(gold[0]) == [("a", 0, 2), ("b", 2, 3)]
    assert spans.strict_scores(gold, [["B-a", "E-a", "S-b", "O"]])["f1"] == 1.0


@settings(max_examples=150, deadline=None)
@given(pairs(), st.sampled_from(["IOB2", "IOBES"]))
def test_strict_entities_equal_seqeval(sides, scheme):
    from seqeval import scheme as schemes

    sequences = sides[0] if scheme == "IOB2" else [[*labels, "S-a"] for labels in sides[0]]
    found = schemes.Entities(sequences, getattr(schemes, scheme)).entities
    for labels, expected in zip(sequences, found, strict=True):
        assert spans.strict_entities(labels, scheme) == [(e.tag, e.start, e.end) for e in expected]


def test_nothing_gold_or_predicted_gives_zero():
    scores = spans.exact_scores([["O"], []], [["O"], []])
    assert scores == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "by_type": {}}


@pytest.mark.parametrize(
    ("gold", "predicted", "named"),
    [
        ([["O"]], [], "0 and 1"),
        ([["O"], ["O", "O"]], [["O"], ["O"]], "sentence 1"),
        ([["O"]], [["Wilma"]], "label O or B-"),
        ([["O-a"]], [["O"]], "label O or B-"),
        ([["O"]], [[None]], "label O or B-"),
        (["B-a"], ["B-a"], "lists of sentences"),
    ],
)
def test_bad_input_is_named_without_its_text(gold, predicted, named):
    with pytest.raises(ValueError, match=named) as error:
        spans.exact_scores(gold, predicted)
    assert "Wilma" not in str(error.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""BioASQ's measures on hand-counted answers."""

import pytest

from clinicalbert_tf.metrics import bioasq


def test_factoid_strict_lenient_and_reciprocal_rank():
    gold = [["Insulin", "human insulin"], ["BRCA1"], ["p53"], ["x"]]
    predicted = [["insulin "], ["BRCA2", "brca1"], [], ["a", "b", "c", "d", "e", "x"]]
    scores = bioasq.factoid_scores(gold, predicted)
    assert scores == {"strict_accuracy": 0.25, "lenient_accuracy": 0.5, "mrr": (1 + 0.5) / 4}


def test_list_counts_an_item_once():
    gold = [[["ASA", "aspirin"], ["heparin"]], [["x"]]]
    scores = bioasq.list_scores(gold, [["aspirin", "asa", "warfarin"], ["x"]])
    assert scores["precision"] == pytest.approx((1 / 3 + 1) / 2)
    assert scores["recall"] == pytest.approx((1 / 2 + 1) / 2)
    assert scores["f1"] == pytest.approx((0.4 + 1) / 2)


def test_yesno_macro_f1():
    scores = bioasq.yesno_scores(["yes", "yes", "no"], ["yes", "no", "no"])
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["f1_yes"] == scores["f1_no"] == scores["f1_macro"] == pytest.approx(2 / 3)


def test_bad_calls_are_refused():
    with pytest.raises(ValueError, match="one prediction for each"):
        bioasq.factoid_scores([["a"]], [])
    with pytest.raises(ValueError, match="yes or no"):
        bioasq.yesno_scores(["maybe"], ["yes"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

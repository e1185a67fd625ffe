"""Classification scores against the reference scorers, scikit-learn and hand counts."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from clinicalbert_tf.metrics import classification, multi_label, ranking, regression
from clinicalbert_tf.metrics.classification import Rows
from tests import support

GOLDEN = support.GOLDEN / "relation" / "scores"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
CHEMPROT = ("cpr:3", "cpr:4", "cpr:5", "cpr:6", "cpr:9", "false")


def golden_rows(name):
    # The reference reads the answers with quoting; the one case in which that changes rows is left
    # out below.
    with (GOLDEN / name / "test.tsv").open(newline="") as file:
        gold = [row["label"].lower() for row in csv.DictReader(file, delimiter="\t")]
    probabilities = np.loadtxt(GOLDEN / name / "test_results.tsv", ndmin=2)
    labels = CHEMPROT if probabilities.shape[1] == 6 else ("0", "1")
    codes = np.array([labels.index(label) for label in gold])
    return Rows(labels, codes, probabilities.argmax(axis=1), probabilities)


def names(task):
    return [n for n, e in EXPECTED.items() if e["task"] == task and "results" in e]


@pytest.mark.parametrize("name", names("binary"))
def test_binary_relations_equal_the_reference(name):
    scores = classification.scores(golden_rows(name))
    expected = EXPECTED[name]["results"]
    for ours, theirs in (
        ("f1", "f1 score"),
        *((k, k) for k in ("recall", "precision", "specificity")),
    ):
        assert scores[ours] == pytest.approx(expected[theirs], abs=1e-15)


@pytest.mark.parametrize("name", names("chemprot"))
def test_micro_f1_of_named_relations_equals_the_reference_where_it_is_right(name):
    rows = golden_rows(name)
    matrix = classification.confusion_matrix(rows.gold, rows.predicted, 6)
    precision, recall, f1 = classification.micro_f1(matrix, range(5))
    expected = EXPECTED[name]["results"]
    if name == "chemprot_without_cpr5_in_the_answers":
        # The reference numbers classes by the answers; with the right numbers the score is far
        # higher.
        assert f1 > 2 * expected["f1 score"] - 0.1
        np.testing.assert_allclose(
            f1,
            sklearn_metrics.f1_score(rows.gold, rows.predicted, labels=range(5), average="micro"),
        )
        return
    np.testing.assert_allclose(
        [precision, recall, f1],
        [expected[k] for k in ("precision", "recall", "f1 score")],
        atol=1e-15,
    )
    assert classification.scores(rows)["f1_micro"] == f1


def test_micro_and_macro_equal_bluebert_if_all_classes_occur():
    checked = 0
    for case in json.loads((GOLDEN / "bluebert_micro_macro.json").read_text()):
        labels = tuple(case["labels"])
        gold, predicted = ([labels.index(x) for x in case[k]] for k in ("gold", "predicted"))
        if (
            len({*gold, *predicted}) < len(labels)
            or "MicroF1WithoutLastOne" not in case["expected"]
        ):
            continue
        scores = classification.scores(Rows(labels, np.array(gold), np.array(predicted)))
        assert scores["f1_classes"] == list(labels[:-1])
        assert scores["f1_micro"] == pytest.approx(case["expected"]["MicroF1WithoutLastOne"])
        assert scores["f1_macro"] == pytest.approx(case["expected"]["MacroF1WithoutLastOne"])
        checked += 1
    assert checked >= 2


def random_rows(seed, rows=200, classes=3):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), rows).round(2)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    gold = random.integers(classes, size=rows)
    labels = tuple("abcdefgh"[:classes])
    return Rows(labels, gold, probabilities.argmax(axis=1), probabilities)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_equals_scikit_learn(classes):
    rows = random_rows(classes, classes=classes)
    scores = classification.scores(rows)
    gold, predicted = rows.gold, rows.predicted
    assert scores["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(gold, predicted))
    for average in ("micro", "macro"):
        expected = sklearn_metrics.f1_score(gold, predicted, average=average)
        assert scores[f"f1_{average}"] == pytest.approx(expected)
    if classes == 2:
        expected = sklearn_metrics.roc_auc_score(gold, rows.probabilities[:, 1])
        assert scores["brier"] == pytest.approx(
            sklearn_metrics.brier_score_loss(gold, rows.probabilities[:, 1])
        )
    else:
        expected = sklearn_metrics.roc_auc_score(gold, rows.probabilities, multi_class="ovr")
        assert scores["brier"] == pytest.approx(
            np.mean(((rows.probabilities - np.eye(classes)[gold]) ** 2).sum(axis=1))
        )
    assert scores["auroc"] == pytest.approx(expected)
    assert scores["confusion_matrix"]["gold_by_predicted"] == (
        sklearn_metrics.confusion_matrix(gold, predicted).tolist()
    )
    assert sum(scores["prevalence"].values()) == pytest.approx(1)


def test_trapezoid_and_average_precision_by_hand():
    targets, values = np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])
    # Points (recall, precision): (0, 1), (0.5, 1), (0.5, 0.5), (1, 2/3).
    assert ranking.average_precision(targets, values) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert ranking.auprc_trapezoid(targets, values) == pytest.approx(0.5 + 0.5 * (0.5 + 2 / 3) / 2)


def test_one_class_gives_none_with_a_reason():
    rows = Rows(("0", "1"), np.zeros(3, int), np.zeros(3, int), np.full((3, 2), 0.5))
    scores = classification.scores(rows)
    assert scores["auroc"] is None and scores["average_precision"] is None
    assert scores["accuracy"] == 1.0 and scores["brier"] == 0.25
    assert set(scores["reasons"]) == {"auroc", "average_precision", "auprc_trapezoid"}


def test_without_probabilities_only_ranking_and_calibration_are_open():
    scores = classification.scores(Rows(("a", "b", "c"), np.arange(3), np.arange(3)))
    assert scores["f1_macro"] == 1.0
    assert set(scores["reasons"]) == {
        "auroc", "average_precision", "auprc_trapezoid", "brier", "ece",
    }  # fmt: skip


def test_false_is_a_class_like_any_other_of_two():
    rows = Rows(("false", "true"), np.array([0, 0, 1]), np.array([0, 1, 1]))
    scores = classification.scores(rows)
    assert scores["positive_label"] == "true"
    assert scores["f1_micro"] == scores["accuracy"] == pytest.approx(2 / 3)
    assert classification.positive_of(("false", "DDI")) == "DDI"


def test_named_classes_need_not_occur():
    rows = Rows(("a", "b"), np.array([0, 1]), np.array([0, 0]))
    scores = classification.scores(rows, classes=["b", "c"])
    assert scores["f1_classes"] == ["b", "c"]
    assert scores["f1_micro"] == 0.0


@pytest.mark.parametrize("positive", ["c", None])
def test_bad_calls_are_refused(positive):
    rows = Rows(("a", "b"), np.zeros(0 if positive is None else 2, int), np.zeros(2, int))
    with pytest.raises(ValueError, match="Expected"):
        classification.scores(rows, positive_label=positive)


def test_calibration_error_by_hand():
    from clinicalbert_tf.metrics.calibration import expected_calibration_error, reliability

    confidence, correct = np.array([0.0, 0.1, 0.95, 0.85, 1.0]), np.array([0, 0, 1, 0, 1])
    # Bins of 0.5: two with mean confidence 0.05 and accuracy 0, three with 14/15 and 2/3.
    error = expected_calibration_error(confidence, correct, bins=2)
    assert error == pytest.approx(2 / 5 * 0.05 + 3 / 5 * (2.8 / 3 - 2 / 3))
    assert reliability(confidence, correct, bins=2)["count"].tolist() == [2, 3]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_multi_label_equals_scikit_learn(seed):
    random = np.random.default_rng(seed)
    gold, predicted = random.random((30, 4)) < 0.4, random.random((30, 4)) < 0.4
    scores = multi_label.scores("abcd", gold, predicted, random.random((30, 4)))
    for name, average in (("f1_micro", "micro"), ("example_f1", "samples")):
        expected = sklearn_metrics.f1_score(gold, predicted, average=average, zero_division=1)
        assert scores[name] == pytest.approx(expected)
    assert scores["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(gold, predicted))


def test_multi_label_precision_at_k_by_hand():
    gold = np.array([[1, 0, 0, 1, 1, 0]], bool)
    probabilities = np.array([[0.9, 0.8, 0.7, 0.6, 0.5, 0.4]])
    assert multi_label.precision_at(gold, probabilities, 5) == pytest.approx(3 / 5)
    scores = multi_label.scores("abcdef", gold, gold, probabilities)
    assert (
        scores["precision_at_8"] is None and "fewer than 8" in scores["reasons"]["precision_at_8"]
    )


def test_regression_equals_scipy_and_refuses_constants():
    from scipy import stats

    gold, predicted = np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 5])
    scores = regression.scores(gold, predicted)
    assert scores["pearson"] == pytest.approx(stats.pearsonr(gold, predicted)[0])
    assert scores["spearman"] == pytest.approx(0.8)
    assert scores["mean_squared_error"] == 0.75
    for figure in ("accuracy", "f1_micro", "f1_macro", "auroc", "average_precision", "brier"):
        assert scores[figure] is None and "not classes" in scores["reasons"][figure]
    constant = regression.scores(gold, np.ones(4))
    assert constant["pearson"] is None and "equal" in constant["reasons"]["pearson"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

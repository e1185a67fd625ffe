"""Answers against both official SQuAD scripts."""

import json

import pytest

from clinicalbert_tf.metrics import question_answering as qa
from tests import support

GOLDEN = support.GOLDEN / "question_answering"
EVAL = GOLDEN / "eval"
V1 = json.loads((EVAL / "expected_v1.json").read_text())
V2 = json.loads((EVAL / "expected_v2.json").read_text())


def answers_of(name):
    content = json.loads((GOLDEN / f"input/{name}.json").read_text())
    return {
        question["id"]: [answer["text"] for answer in question["answers"]]
        for article in content["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    }


def predictions_of(run):
    if run.startswith(".."):
        return json.loads((EVAL / run / "predictions.json").read_text())
    return json.loads((EVAL / "predictions" / f"{run}.json").read_text())


def nulls_of(run):
    path = EVAL / run / "null_odds.json"
    return json.loads(
        (path if run[0] == "." else EVAL / f"predictions/{run}.na_prob.json").read_text()
    )


@pytest.mark.parametrize("run", [run for run in V1 if "scores" in V1[run]])
def test_version_1_equals_the_official_script(run):
    assert qa.scores_v1(answers_of("dev_v1"), predictions_of(run)) == V1[run]["scores"]


@pytest.mark.parametrize("run", [run for run in V2 if "scores" in V2[run]])
def test_version_2_equals_the_official_script(run):
    name, _, condition = run.partition(" (")
    expected = V2[run]["scores"]
    nulls = nulls_of(name) if "best_exact" in expected else None
    threshold = 1.0
    if condition:
        threshold = 0.5 if "0.5" in condition else 0.0
    found = qa.scores_v2(answers_of("dev_v2"), predictions_of(name), nulls, threshold)
    assert list(found) == list(expected)
    assert found == expected


@pytest.mark.parametrize("pair", json.loads((EVAL / "pairs.json").read_text()), ids=str)
def test_single_pairs(pair):
    prediction, answer = pair["prediction"], pair["answer"]
    assert qa.normalize_answer(prediction) == pair["normalized_prediction"]
    assert qa.normalize_answer(answer) == pair["normalized_answer"]
    assert qa.exact_match(prediction, answer) == pair["v1_exact"] == bool(pair["v2_exact"])
    assert qa.f1(prediction, answer, empty_is_equal=False) == pair["v1_f1"]
    assert qa.f1(prediction, answer) == pair["v2_f1"]


def test_a_missing_prediction_scores_zero_in_version_2():
    answers = {"1": ["hives"], "2": []}
    scores = qa.scores_v2(answers, {"1": "hives"})
    assert (scores["exact"], scores["total"], scores["NoAns_exact"]) == (50.0, 2, 0.0)


def test_an_unanswerable_question_in_version_1_is_named():
    with pytest.raises(ValueError, match=r"'q7'.*--version_2"):
        qa.scores_v1({"q7": []}, {"q7": ""})


def test_a_question_without_null_score_is_named():
    with pytest.raises(ValueError, match="'q1'"):
        qa.scores_v2({"q1": []}, {"q1": ""}, {})


def test_the_lowest_of_equal_thresholds_is_chosen():
    answers = {"1": ["a b"], "2": [], "3": ["c d"]}
    predictions = {"1": "a b", "2": "x", "3": "c d"}
    exact, _ = qa.raw_scores_v2(answers, predictions)
    best, threshold = qa.best_null_threshold(
        answers, predictions, exact, {"1": 0.1, "2": 0.9, "3": 0.4}
    )
    assert (best, threshold) == (100.0, 0.4)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

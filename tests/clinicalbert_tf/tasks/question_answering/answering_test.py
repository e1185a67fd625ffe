import numpy as np
import pytest

from clinicalbert_tf.tasks.question_answering.answering import (
    best_text,
    choose_threshold,
    score_answers,
    score_intervals,
)
from clinicalbert_tf.tasks.question_answering.data import QuestionSet
from clinicalbert_tf.texts.question_answering.prediction import PredictedAnswer, Prediction
from clinicalbert_tf.texts.question_answering.question import Answer, Question
from clinicalbert_tf.texts.question_answering.windows import EncodedQuestion


def asked(*questions):
    return QuestionSet("f", [EncodedQuestion(q, None, []) for q in questions], [], [])


def question(name, *texts, document="d", **fields):
    return Question(
        name, "?", "", tuple(Answer(t, 0) for t in texts), document_id=document, **fields
    )


def prediction(name, text, odds=None, **others):
    best = tuple(PredictedAnswer(t, s, 0.0, s) for t, s in {text: 1.0, **others}.items() if t)
    empty = PredictedAnswer("", 0.0, 0.0)
    answer = best[0] if text else empty
    return Prediction(name, answer, (*best, empty), odds)


def test_squad_1_scores_are_percent_and_leave_out_questions_without_answers():
    scores = score_answers(
        asked(question("a", "chest pain"), question("b", "fever", "a fever"), question("c")),
        [prediction("a", "the pain"), prediction("b", "A fever"), prediction("c", "x")],
        version_2=False,
    )
    assert scores == {"exact_match": 50.0, "f1": pytest.approx(100 * (2 / 3 + 1) / 2)}


def test_squad_2_scores_and_threshold():
    truth = asked(question("a", "pain", is_impossible=False), question("b", is_impossible=True))
    answered = [prediction("a", "pain", odds=-1.0), prediction("b", "fever", odds=2.0)]
    scores = score_answers(truth, answered, version_2=True)
    assert (scores["exact"], scores["HasAns_f1"], scores["NoAns_f1"]) == (50.0, 100.0, 0.0)
    # Between -1 and 2 everything is right; the script returns the lowest odds that reach it.
    assert (scores["best_f1"], scores["best_f1_thresh"]) == (100.0, -1.0)
    assert choose_threshold({"a": ["pain"], "b": []}, answered) == (100.0, -1.0)


def test_no_answers_no_scores():
    assert score_answers(asked(question("a")), [prediction("a", "x")], version_2=False) == {}


def test_bioasq_scores_are_those_of_whole_questions():
    names = (("IGF1", "IGF-1"),)
    made = score_answers(
        asked(
            question("g_001", "IGF1", kind="factoid", group_id="g", names=names),
            question("g_002", kind="factoid", group_id="g", names=names),
            question("h_001", kind="factoid", group_id="h", names=(("TNF",),)),
        ),
        [
            prediction("g_001", "x", igf1=0.6),
            prediction("g_002", "x"),
            prediction("h_001", "nothing"),
        ],
        version_2=False,
    )
    assert made["factoid_strict_accuracy"] == 0.0
    assert made["factoid_lenient_accuracy"] == 0.5
    assert made["factoid_mrr"] == 0.25


def test_intervals_draw_documents():
    questions = [question(f"q{n}", "pain", document=f"d{n // 10}") for n in range(100)]
    # All questions of a document are right or all are wrong.
    answered = [prediction(f"q{n}", "pain" if n % 20 < 10 else "fever") for n in range(100)]
    low, high = score_intervals(asked(*questions), answered, version_2=False)["f1"]
    assert low < 30 and high > 70
    alone = [question(f"q{n}", "pain", document=f"d{n}") for n in range(100)]
    narrow = score_intervals(asked(*alone), answered, version_2=False)["f1"]
    assert narrow[1] - narrow[0] < (high - low) / 2
    assert np.mean(narrow) == pytest.approx(50, abs=5)


def test_best_text_is_never_no_answer():
    assert best_text(prediction("a", "pain")) == "pain"
    assert best_text(prediction("a", "")) == ""


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import pytest

from clinicalbert_tf.texts.question_answering.bioasq_answers import (
    bioasq_answers,
    exact_answer,
    joined_names,
    submission,
)
from clinicalbert_tf.texts.question_answering.prediction import PredictedAnswer, Prediction
from clinicalbert_tf.texts.question_answering.question import Question


def prediction(**shares):
    n_best = tuple(PredictedAnswer(text, 0, 0, share) for text, share in shares.items())
    return Prediction("q", n_best[0], n_best)


def test_probabilities_of_one_name_are_added_over_contexts_and_letter_case():
    first, second = prediction(IGF1=0.5, TNF=0.4), prediction(igf1=0.2, Insulin=0.8)
    names = joined_names([first, second])
    assert [text for text, _ in names] == ["Insulin", "IGF1", "TNF"]
    assert [round(total, 9) for _, total in names] == [0.8, 0.7, 0.4]


def test_no_answer_and_long_texts_are_no_names():
    n_best = tuple(PredictedAnswer(text, 0, 0, 0.3) for text in ("", "x" * 101, "x" * 100))
    assert joined_names([Prediction("q", n_best[0], n_best)]) == [("x" * 100, 0.3)]


def test_factoid_has_five_names_and_list_those_above_the_threshold():
    shares = {f"name{n}": 0.3 - 0.01 * n for n in range(7)}
    assert exact_answer("factoid", [prediction(**shares)]) == [f"name{n}" for n in range(5)]
    assert exact_answer("list", [prediction(**shares)]) == ["name0"]
    assert exact_answer("list", [prediction(a=0.43, b=0.42), prediction(c=0.9)]) == ["c", "a"]
    assert exact_answer("list", [Prediction("q", PredictedAnswer("", 0, 0), ())]) == []


def test_snippets_of_a_question_become_one_entry():
    questions = [
        Question("a_001", "?", "", group_id="a", kind="list"),
        Question("b_001", "?", "", group_id="b", kind="factoid"),
        Question("c", "?", "", group_id="c"),
        Question("a_002", "?", "", group_id="a", kind="list"),
    ]
    made = bioasq_answers(
        questions, [prediction(x=0.3), prediction(y=1.0), prediction(z=1.0), prediction(x=0.3)]
    )
    assert made == {"a": ("list", ["x"]), "b": ("factoid", ["y"])}
    assert submission(made)["questions"][0] == {
        "id": "a",
        "type": "list",
        "ideal_answer": "",
        "exact_answer": [["x"]],
    }


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

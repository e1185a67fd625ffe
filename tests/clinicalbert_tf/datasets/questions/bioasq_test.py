import pytest

from clinicalbert_tf.datasets.questions import squad
from clinicalbert_tf.datasets.questions.bioasq import exact_answers, find_answer, questions_of
from clinicalbert_tf.datasets.questions.question_files import detect_layout
from clinicalbert_tf.texts.question_answering.question import Answer

ID = "0123456789abcdef01234567"
SNIPPETS = ["Insulin-like growth factor (IGF1) binds.", "No growth factors here.", "igf1 again"]


def file_of(kind, exact=None, **fields):
    item = {
        "id": ID,
        "body": "Which factor?",
        "type": kind,
        "snippets": [{"text": text, "document": "d"} for text in SNIPPETS],
        **({"exact_answer": exact} if exact is not None else {}),
        **fields,
    }
    return {"questions": [item]}


def test_factoid_has_one_context_for_each_snippet_and_the_longest_synonym():
    exact = [["IGF1", "insulin-like growth factor"]]
    made = list(questions_of(file_of("factoid", exact), "f"))
    assert [q.question_id for q in made] == [f"{ID}_00{n}" for n in (1, 2, 3)]
    assert {q.group_id for q in made} == {q.document_id for q in made} == {ID}
    # Exact case comes first, so that a short symbol is not found inside other words' case.
    assert made[0].answers == (Answer("IGF1", SNIPPETS[0].index("IGF1")),)
    assert [q.is_impossible for q in made] == [False, True, False]
    assert made[2].answers == (Answer("igf1", 0),)
    assert {q.names for q in made} == {(tuple(exact[0]),)}


def test_list_has_an_answer_for_each_item_found():
    made = list(questions_of(file_of("list", [["IGF1"], ["growth factor"], ["TNF"]]), "f"))
    assert [answer.text for answer in made[0].answers] == ["IGF1", "growth factor"]
    assert made[1].answers == ()  # "growth factors" is another word


def test_yes_or_no():
    made = list(questions_of(file_of("yesno", "Yes"), "f"))
    assert [(q.kind, q.label, q.answers) for q in made] == [("yesno", "yes", ())] * 3
    with pytest.raises(ValueError, match=f"{ID}.*expected the exact answer yes or no"):
        list(questions_of(file_of("yesno", "maybe"), "f"))


def test_test_files_have_no_exact_answers():
    made = list(questions_of(file_of("factoid"), "f"))
    assert [(q.answers, q.is_impossible) for q in made] == [((), None)] * 3


def test_summaries_are_left_out_and_other_types_refused():
    assert list(questions_of(file_of("summary"), "f")) == []
    with pytest.raises(ValueError, match=f"{ID}.*expected a type of factoid"):
        list(questions_of(file_of("essay"), "f"))


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("factoid", "a", [["a"]]),
        ("factoid", ["a", "b"], [["a", "b"]]),
        ("factoid", [["a", "b"]], [["a", "b"]]),
        ("list", ["a", "b"], [["a"], ["b"]]),
        ("list", [["a", "A"], ["b"]], [["a", "A"], ["b"]]),
    ],
)
def test_forms_of_exact_answers(kind, given, expected):
    assert exact_answers({"type": kind, "exact_answer": given}) == expected


def test_answers_are_whole_words():
    assert find_answer("PTENP1 and PTEN", ["PTEN"]) == Answer("PTEN", 11)
    assert find_answer("PTENP1", ["PTEN", " "]) is None
    assert find_answer("beta-catenin (β)", ["(β)"]) == Answer("(β)", 13)


def test_prepared_files_keep_the_question_of_their_ids_and_yes_or_no():
    def paragraph(number, **qa):
        qas = [{"id": f"{ID}_{number:03d}", "question": "Which?", **qa}]
        return {"context": SNIPPETS[0], "qas": qas}

    content = {
        "data": [
            {
                "title": "BioASQ6b",
                "paragraphs": [
                    paragraph(1, answers=[{"text": "IGF1", "answer_start": 28}]),
                    paragraph(2, answers="no", is_impossible=True),
                ],
            }
        ]
    }
    assert detect_layout(content) == "squad"
    made = list(squad.questions_of(content, "f"))
    assert {q.group_id for q in made} == {q.document_id for q in made} == {ID}
    assert made[0].answers == (Answer("IGF1", 28),) and made[0].kind == "factoid"
    assert next(squad.questions_of(content, "in/BioASQ-train-list-7b.json")).kind == "list"
    assert (made[1].kind, made[1].label, made[1].answers) == ("yesno", "no", ())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

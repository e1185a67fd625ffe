import pytest

from clinicalbert_tf.datasets.questions.checked import check_questions
from clinicalbert_tf.datasets.questions.emrqa import questions_of
from clinicalbert_tf.datasets.questions.question_files import detect_layout

LINES = ["HISTORY :\n", "The patient takes Lasix 40 mg\n", "  twice a day ; lasix was stopped .\n"]


def file_of(*answers, context=LINES, question=("What dose?", "How much?"), title="medication"):
    qas = [{"id": [["template"]], "question": list(question), "answers": list(answers)}]
    paragraph = {"note_id": "n-17", "context": context, "qas": qas}
    return {"data": [{"title": title, "paragraphs": [paragraph]}]}


def answer(text, where, **fields):
    return {"text": text, "answer_start": where, **fields}


def answers_of(content, **options):
    [question] = questions_of(content, "f", **options)
    for found in question.answers:
        assert question.context[found.start : found.end] == found.text
    return [(a.text, a.start) for a in question.answers]


def test_lines_count_from_1_and_tokens_from_0():
    text = "".join(LINES)
    assert answers_of(file_of(answer("40 mg", [2, 4]))) == [("40 mg", text.index("40"))]
    # In the note's own letters, at that token and not at the first place.
    assert answers_of(file_of(answer("lasix", [2, 3]))) == [("Lasix", text.index("Lasix"))]
    assert answers_of(file_of(answer("lasix", [[3, 4]]))) == [("lasix", text.rindex("lasix"))]


def test_answer_may_run_over_a_line_end():
    assert answers_of(file_of(answer("mg twice a day", [2, 5]))) == [
        ("mg\n  twice a day", "".join(LINES).index("mg"))
    ]


def test_lines_without_ends_are_joined():
    lines = [line.rstrip("\n") for line in LINES]
    [question] = questions_of(file_of(answer("40 mg", [2, 4]), context=lines), "f")
    assert question.context == "\n".join(lines)
    assert question.answers[0].start == question.context.index("40 mg")


def test_risk_set_has_character_offsets():
    text = "".join(LINES)
    made = answers_of(file_of(answer("Lasix 40 mg", [text.index("Lasix")]), title="risk"))
    assert made == [("Lasix 40 mg", text.index("Lasix"))]


def test_evidence_is_the_line_without_its_white_space():
    content = file_of(answer("40 mg", [2, 4], evidence="...", evidence_start=[2, 3, 2]))
    text = "".join(LINES)
    assert answers_of(content, answer_unit="evidence") == [
        (LINES[1].strip(), text.index("The")),
        (LINES[2].strip(), text.index("twice")),
    ]


@pytest.mark.parametrize("where", [[9, 0], [2, 90], [2, 0], [], ""])
def test_position_that_does_not_hold_the_answer_is_looked_for_once(where):
    content = file_of(answer("40 mg", where))
    checked = check_questions(questions_of(content, "f"), "f")
    assert checked.questions[0].answers[0].start == "".join(LINES).index("40 mg")
    content = file_of(answer("Aspirin", where))
    checked = check_questions(questions_of(content, "f"), "f", leave_out_misplaced=True)
    assert checked.left_out == ("medication-n-17-0-0",)


def test_ids_are_made_of_note_place_and_paraphrase():
    made = list(questions_of(file_of(answer("40 mg", [2, 4])), "f", paraphrases=5))
    assert [q.question_id for q in made] == ["medication-n-17-0-0", "medication-n-17-0-1"]
    assert [q.text for q in made] == ["What dose?", "How much?"]
    assert {(q.document_id, q.group_id) for q in made} == {("n-17", "medication-n-17-0")}


def test_layout_is_told_from_the_file():
    assert detect_layout(file_of()) == "emrqa"
    assert detect_layout(file_of()["data"]) == "emrqa"
    assert detect_layout({"questions": []}) == "bioasq"
    assert detect_layout({"data": []}) == detect_layout({"data": 3}) == "squad"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import gzip
import json

import pytest

from clinicalbert_tf.datasets.questions.checked import check_questions, check_trainable
from clinicalbert_tf.datasets.questions.question_files import read_questions
from clinicalbert_tf.texts.question_answering.question import Answer, Question

CONTEXT = "He has chest pain since Monday, and no other pain."


def squad(*qas, context=CONTEXT, **article):
    return {"data": [{"paragraphs": [{"context": context, "qas": list(qas)}], **article}]}


def qa(question_id="q1", **fields):
    return {"id": question_id, "question": "What hurts?", **fields}


@pytest.fixture
def write(tmp_path):
    def write(content, name="questions.json"):
        path = tmp_path / name
        data = json.dumps(content).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


@pytest.mark.parametrize("name", ["questions.json", "questions.json.gz"])
def test_squad_1_and_2(write, name):
    answers = [{"text": "chest pain", "answer_start": 7}]
    content = squad(
        qa("1", answers=answers),
        qa("02", answers=[], is_impossible=True, plausible_answers=answers),
        qa("NA"),
        title="note 3",
    )
    made = read_questions(write(content, name))
    assert [q.question_id for q in made] == ["1", "02", "NA"]
    assert made[0].answers == (Answer("chest pain", 7),)
    assert [q.is_impossible for q in made] == [None, True, None]
    assert [q.has_answer for q in made] == [True, False, False]
    assert {q.document_id for q in made} == {"note 3"}
    assert made[0].context == CONTEXT


def test_number_as_an_id_is_its_text(write):
    assert read_questions(write(squad(qa(17))))[0].question_id == "17"


def test_same_id_twice_is_an_error_with_the_id(write):
    with pytest.raises(ValueError, match="every question's id once, received 'q7' twice"):
        read_questions(write(squad(qa("q7"), qa("q8"), qa("q7"))))


def test_byte_order_mark_is_read_over(tmp_path):
    path = tmp_path / "q.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(squad(qa())).encode())
    assert len(read_questions(str(path))) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "top level: expected a JSON object, received list"),
        ({"version": 1}, "top level: expected the key 'data'"),
        ({"data": [{}]}, "article 0: expected the key 'paragraphs'"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, "paragraph 0: expected the key 'context'"),
        (squad(qa(), context=3), "expected str in 'context', received int"),
        (squad({"question": "What?"}), "paragraph 0: expected the key 'id'"),
        (squad({"id": "q9"}), "question 'q9': expected the key 'question'"),
        (squad(qa("q9", answers={})), "question 'q9': expected list in 'answers'"),
        (squad(qa("q9", answers=[{"text": "pain"}])), "question 'q9': .*'answer_start'"),
        (
            squad(qa("q9", answers=[{"text": "pain", "answer_start": "7"}])),
            "question 'q9': expected int in 'answer_start', received str",
        ),
        (squad(qa("q9", is_impossible="no")), "question 'q9': expected bool in 'is_impossible'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_without_text(write, content, message):
    with pytest.raises(ValueError, match=message) as raised:
        read_questions(write(content))
    assert "questions.json" in str(raised.value)
    assert "What hurts" not in str(raised.value) and "pain" not in str(raised.value)


def test_no_json_no_file_and_a_cut_off_gzip(tmp_path, write):
    (tmp_path / "text.json").write_text("He has chest pain")
    with pytest.raises(ValueError, match=r"expected JSON.*character 1") as raised:
        read_questions(str(tmp_path / "text.json"))
    assert "chest" not in str(raised.value) and raised.value.__context__ is None
    with pytest.raises(FileNotFoundError, match="Expected a file of questions"):
        read_questions(str(tmp_path / "none.json"))
    path = write(squad(qa()), "cut.json.gz")
    (tmp_path / "cut.json.gz").write_bytes((tmp_path / "cut.json.gz").read_bytes()[:-12])
    with pytest.raises(ValueError, match="whole gzip file"):
        read_questions(path)


def asked(question_id, start, text="pain", context=CONTEXT):
    return Question(question_id, "What hurts?", context, (Answer(text, start),))


def test_answers_are_moved_or_reported_with_their_ids():
    first, last = CONTEXT.index("pain"), CONTEXT.rindex("pain")
    questions = [
        asked("right", first),
        asked("second", last),
        asked("moved", 0, "chest"),
        asked("twice", 1),
        asked("nowhere", 1, "fever"),
    ]
    checked = check_questions(questions, "f.json", leave_out_misplaced=True)
    assert [q.question_id for q in checked.questions] == ["right", "second", "moved"]
    assert checked.questions[2].answers == (Answer("chest", 7),)
    assert (checked.moved, checked.left_out) == (("moved",), ("twice", "nowhere"))
    with pytest.raises(ValueError, match=r"received 2 questions .* 'twice', 'nowhere'") as raised:
        check_questions(questions, "f.json")
    assert "fever" not in str(raised.value)


def test_emoji_and_line_ends_are_right_after_checking():
    context = "😀 BP 98/60\r\nBP 100/70"
    units = len(context[: context.index("100")].encode("utf-16-le")) // 2
    checked = check_questions([asked("q", units, "100/70", context)], "f.json")
    answer = checked.questions[0].answers[0]
    assert context[answer.start : answer.end] == "100/70"
    assert checked.moved == ("q",)


def test_what_cannot_be_trained_names_the_id():
    with pytest.raises(ValueError, match="'q3': expected an answer, received none"):
        check_trainable([Question("q3", "What?", CONTEXT)], False, "f.json")
    check_trainable([Question("q3", "What?", CONTEXT)], True, "f.json")
    with pytest.raises(ValueError, match=r"'q4': .* yes/no question.*run_classifier"):
        check_trainable([Question("q4", "Is it?", CONTEXT, kind="yesno")], True, "f.json")
    with pytest.raises(ValueError, match=r"'q5': expected a context .* empty"):
        check_trainable([asked("q5", 0, context=" ")], False, "f.json")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

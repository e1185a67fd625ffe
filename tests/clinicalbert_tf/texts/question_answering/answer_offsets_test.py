import pytest

from clinicalbert_tf.texts.question_answering.answer_offsets import locate, located_question
from clinicalbert_tf.texts.question_answering.question import Answer, Question


def check(context, answer, expected_start, expected_text=None):
    found = locate(context, answer)
    assert (found.start, found.text) == (expected_start, expected_text or answer.text)
    assert context[found.start : found.end] == found.text


def test_answer_at_its_offset_stays_although_it_occurs_twice():
    check("pain, then pain", Answer("pain", 11), 11)


def test_answer_elsewhere_is_moved_if_it_occurs_once():
    check("chest pain since Monday", Answer("pain", 3), 6)
    check("chest pain since Monday", Answer("pain", 300), 6)
    check("chest pain since Monday", Answer("pain", -1), 6)


def test_answer_elsewhere_that_occurs_twice_is_not_located():
    assert locate("pain, then pain", Answer("pain", 3)) is None


def test_answer_that_does_not_occur_is_not_located():
    assert locate("chest pain", Answer("Chest", 0)) is None
    assert locate("chest pain", Answer("", 0)) is None
    assert locate("", Answer("pain", 0)) is None


def test_offset_in_utf16_units_after_emoji():
    context = "😀😀 pain 🏥 pain, no pain"
    # As JavaScript counts: two units for each emoji.
    for occurrence in (context.index("pain"), context.index("pain,"), context.rindex("pain")):
        units = len(context[:occurrence].encode("utf-16-le")) // 2
        check(context, Answer("pain", units), occurrence)
        check(context, Answer("pain", occurrence), occurrence)


def test_offset_in_a_text_whose_line_ends_were_one_character():
    context = "BP 98/60\r\nHR 80\r\nBP 98/60\r\n"
    lines = context.replace("\r\n", "\n")
    check(context, Answer("BP 98/60", lines.rindex("BP")), context.rindex("BP"))
    # An answer over two lines, with line ends of one character.
    check(
        context,
        Answer("HR 80\nBP 98/60", lines.index("HR")),
        context.index("HR"),
        "HR 80\r\nBP 98/60",
    )


def test_white_space_at_its_ends_is_cut():
    check("chest  pain .", Answer(" pain ", 6), 7, "pain")


@pytest.mark.parametrize("impossible", [True, None])
def test_question_without_an_answer_stays(impossible):
    question = Question("q", "Why?", "chest pain", (), impossible)
    assert located_question(question) == question


def test_answers_of_an_impossible_question_are_dropped():
    question = Question("q", "Why?", "chest pain", (Answer("pain", 6),), True)
    assert located_question(question).answers == ()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

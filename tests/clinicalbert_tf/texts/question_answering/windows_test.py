import numpy as np
import pytest

from clinicalbert_tf.texts.question_answering.question import Answer, Question
from clinicalbert_tf.texts.question_answering.windows import (
    NO_ANSWER,
    WindowMaker,
    WindowSettings,
    answer_pieces,
    training_windows,
)

SETTINGS = WindowSettings(max_seq_length=24, doc_stride=6, max_query_length=4)
CONTEXT = (
    "The patient was given apixaban for atrial fibrillation, and furosemide at 10 mg/hr. "
    "Blood pressure was 98/60 on arrival; oxygen saturation was 88% on room air."
)


@pytest.fixture(scope="module")
def maker(tokenizers):
    return WindowMaker(tokenizers["cased"], SETTINGS)


def asked(answer=None, context=CONTEXT, impossible=None):
    answers = (Answer(answer, context.index(answer)),) if answer else ()
    return Question("q", "Which drug was it?", context, answers, impossible)


def test_default_windows_have_the_references_ids_and_places(read_golden, tokenizers, as_batch):
    expected = read_golden("expected/features/dev_v2_cased.jsonl")
    maker = WindowMaker(tokenizers["cased"], WindowSettings(64, 24, 16))
    made = []
    for article in read_golden("input/dev_v2.json")["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                encoded = maker.encode(Question(qa["id"], qa["question"], paragraph["context"]))
                made += as_batch(encoded.windows, 64)["input_ids"].tolist()
    assert made == [feature["input_ids"] for feature in expected]


def test_offsets_are_those_of_the_context(maker, tokenizers):
    encoded = maker.encode(asked())
    spans = zip(encoded.pieces.starts, encoded.pieces.ends, strict=True)
    tokens = tokenizers["cased"].convert_ids_to_tokens(encoded.pieces.ids.tolist())
    for token, (start, end) in zip(tokens, spans, strict=True):
        assert token == "[UNK]" or CONTEXT[start:end] == token.removeprefix("##")


def test_only_windows_that_hold_the_answer_whole_are_trained_in_squad_1(maker):
    encoded = maker.encode(asked("98/60"))
    chosen = training_windows(encoded, version_2=False)
    assert 0 < len(chosen) < len(encoded.windows)
    for window in chosen:
        start, end = (p - window.context_start + window.first_piece for p in window.positions)
        assert CONTEXT[encoded.pieces.starts[start] : encoded.pieces.ends[end]] == "98/60"


def test_windows_with_a_part_of_the_answer_are_left_out_and_others_say_none_in_squad_2(maker):
    encoded = maker.encode(asked("98/60"))
    first, last = answer_pieces(encoded.pieces, encoded.question.answers[0])
    none = partly = whole = 0
    chosen = {window.first_piece: window for window in training_windows(encoded, version_2=True)}
    for window in encoded.windows:
        numbers = range(window.first_piece, window.first_piece + window.num_pieces)
        held = sum(first <= number <= last for number in numbers)
        if held == 0:
            assert chosen[window.first_piece].positions == NO_ANSWER
            none += 1
        elif held <= last - first:
            assert window.first_piece not in chosen
            partly += 1
        else:
            assert chosen[window.first_piece].positions > NO_ANSWER
            whole += 1
    assert none and partly and whole


def test_question_without_an_answer_trains_none_in_every_window(maker):
    encoded = maker.encode(asked(impossible=True))
    chosen = training_windows(encoded, version_2=True)
    assert [window.positions for window in chosen] == [NO_ANSWER] * len(encoded.windows)


def test_answer_longer_than_a_window_trains_nothing_in_squad_1(maker):
    encoded = maker.encode(asked(CONTEXT))
    assert training_windows(encoded, version_2=False) == []


def test_answer_inside_a_word_is_its_wordpieces(maker):
    encoded = maker.encode(asked("saturat"))
    first, last = answer_pieces(encoded.pieces, encoded.question.answers[0])
    start, end = encoded.pieces.starts[first], encoded.pieces.ends[last]
    assert start <= CONTEXT.index("saturat") and end >= CONTEXT.index("saturat") + len("saturat")
    assert " " not in CONTEXT[start:end]


def test_answer_without_wordpieces_trains_nothing(maker):
    question = asked("\u200b", f"{CONTEXT} \u200b end")
    assert training_windows(maker.encode(question), version_2=False) == []


@pytest.mark.parametrize("context", ["", " \n\t "])
def test_empty_context_has_no_window(maker, context):
    assert maker.encode(Question("q", "Which drug?", context)).windows == []


def test_long_question_is_cut_to_max_query_length(maker, tokenizers):
    encoded = maker.encode(Question("q", "Which drug " * 50, CONTEXT))
    assert {window.context_start for window in encoded.windows} == {SETTINGS.max_query_length + 2}
    assert max(len(window.token_ids) for window in encoded.windows) == SETTINGS.max_seq_length


def test_settings_that_leave_no_room_for_the_context_are_refused():
    with pytest.raises(ValueError, match=r"Expected max_seq_length greater than .* = 67.* 67"):
        WindowSettings(max_seq_length=67, max_query_length=64)
    with pytest.raises(ValueError, match="Expected doc_stride of at least 1"):
        WindowSettings(doc_stride=0)


def test_padding_and_segments(maker, as_batch):
    windows = maker.encode(asked()).windows[:2]
    batch = as_batch(windows, 30)
    np.testing.assert_array_equal(batch["input_mask"].sum(1), [len(w.token_ids) for w in windows])
    assert batch["segment_ids"].sum(1).tolist() == [w.num_pieces + 1 for w in windows]
    assert batch["input_ids"].dtype == np.int32


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

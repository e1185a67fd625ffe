import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.texts.question_answering.answer_files import write_with_offsets
from clinicalbert_tf.texts.question_answering.answers import CERTAINLY_NONE, predict, window_spans
from clinicalbert_tf.texts.question_answering.prediction import AnswerSettings
from clinicalbert_tf.texts.question_answering.question import Question
from clinicalbert_tf.texts.question_answering.windows import WindowMaker, WindowSettings

CONTEXT = "She was given apixaban 5 mg, and her\nblood pressure was 98/60 😀 (arrival: 13:05)."
LENGTH = 20


@pytest.fixture(scope="module")
def maker(tokenizers):
    return WindowMaker(tokenizers["cased"], WindowSettings(LENGTH, 6, 4))


def logits_at(encoded, start, end, score=5.0):
    """Logits that point to the characters `start` to `end` of the context in every window."""
    made = []
    for window in encoded.windows:
        pair = np.full((2, LENGTH), -1.0)
        inside = slice(window.first_piece, window.first_piece + window.num_pieces)
        for row, offsets, place in (
            (0, encoded.pieces.starts, start),
            (1, encoded.pieces.ends, end),
        ):
            for number in np.flatnonzero(offsets[inside] == place):
                pair[row, window.context_start + number] = score
        made.append(tuple(pair))
    return made


def slow_spans(window, starts, ends, length):
    """All spans of a window, one after the other."""
    found = []
    for i in range(window.num_pieces):
        for j in range(i, min(i + length, window.num_pieces)):
            if window.max_context[i]:
                a, b = window.context_start + i, window.context_start + j
                found.append((window.first_piece + i, window.first_piece + j, starts[a], ends[b]))
    return sorted(found, key=lambda span: -(span[2] + span[3]))


def test_answer_is_found_with_its_offsets(maker, tokenizers):
    question = Question("q", "How much?", CONTEXT)
    encoded = maker.encode(question)
    start = CONTEXT.index("98/60")
    made = predict(
        encoded,
        logits_at(encoded, start, start + 5),
        tokenizers["cased"].starts_word,
        AnswerSettings(),
    )
    assert (made.answer.text, made.answer.start, made.answer.end) == ("98/60", start, start + 5)
    assert made.null_odds is None
    assert made.answer.probability > 0.9
    assert sum(answer.probability for answer in made.n_best) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), version_2=st.booleans())
def test_every_answer_is_a_slice_of_the_context_and_whole_words(maker, tokenizers, seed, version_2):
    encoded = maker.encode(Question("q", "How much?", CONTEXT))
    rng = np.random.default_rng(seed)
    logits = [tuple(rng.normal(0, 5, (2, LENGTH))) for _ in encoded.windows]
    made = predict(
        encoded, logits, tokenizers["cased"].starts_word, AnswerSettings(version_2=version_2)
    )
    assert len({answer.text for answer in made.n_best}) == len(made.n_best)
    for answer in made.n_best:
        if answer.start is None:
            assert version_2 and answer.text == ""
            continue
        assert CONTEXT[answer.start : answer.end] == answer.text
        for place in (answer.start, answer.end):
            around = CONTEXT[place - 1 : place + 1]
            assert len(around) < 2 or not around.isalpha(), around


def test_spans_equal_the_slow_search(maker):
    encoded = maker.encode(Question("q", "How much?", CONTEXT))
    rng = np.random.default_rng(3)
    for window in encoded.windows:
        starts, ends = rng.normal(0, 5, (2, LENGTH))
        made = window_spans(
            window, starts, ends, AnswerSettings(n_best_size=2, max_answer_length=4)
        )
        assert made == slow_spans(window, starts, ends, 4)[: len(made)]
        assert len(made) == min(8, len(slow_spans(window, starts, ends, 4)))


def test_peaks_in_question_and_padding_do_not_hide_the_answer(maker, tokenizers):
    encoded = maker.encode(Question("q", "How much?", "Aspirin was given."))
    starts, ends = np.full(LENGTH, 50.0), np.full(LENGTH, 50.0)
    inside = slice(encoded.windows[0].context_start, len(encoded.windows[0].token_ids) - 1)
    starts[inside] = ends[inside] = 0
    starts[inside.start] = 1
    made = predict(
        encoded,
        [(starts, ends)],
        tokenizers["cased"].starts_word,
        AnswerSettings(n_best_size=2),
    )
    assert made.answer.start == 0 and made.answer.text


@pytest.mark.parametrize("context", ["", "  \n "])
@pytest.mark.parametrize("version_2", [False, True])
def test_no_candidate_gives_no_answer_and_no_crash(maker, tokenizers, context, version_2):
    encoded = maker.encode(Question("q", "How much?", context))
    made = predict(
        encoded, [], tokenizers["cased"].starts_word, AnswerSettings(version_2=version_2)
    )
    assert (made.answer.text, made.answer.start) == ("", None)
    assert made.null_odds == (CERTAINLY_NONE if version_2 else None)


def test_null_threshold_decides_and_an_equal_difference_gives_the_span(maker, tokenizers):
    encoded = maker.encode(Question("q", "How much?", "Aspirin was given."))
    logits = logits_at(encoded, 0, 7)
    logits[0][0][0], logits[0][1][0] = 8.0, 4.0  # null scores 12, the answer 10
    for threshold, text in ((1.9, ""), (2.0, "Aspirin"), (3.0, "Aspirin")):
        made = predict(
            encoded,
            logits,
            tokenizers["cased"].starts_word,
            AnswerSettings(version_2=True, null_score_diff_threshold=threshold),
        )
        assert made.null_odds == 2.0
        assert made.answer.text == text


def test_file_with_offsets(maker, tokenizers, tmp_path):
    encoded = maker.encode(Question("q-1", "How much?", CONTEXT))
    made = predict(
        encoded,
        logits_at(encoded, CONTEXT.index("(") + 1, CONTEXT.index(":")),
        tokenizers["cased"].starts_word,
        AnswerSettings(),
    )
    path = tmp_path / "predictions.jsonl"
    write_with_offsets(str(path), [made])
    start = CONTEXT.index("arrival")
    assert path.read_text().startswith(
        f'{{"id": "q-1", "text": "arrival", "start": {start}, "end": {start + 7}, "probability": 0.'
    )
    assert path.stat().st_mode & 0o777 == 0o600


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

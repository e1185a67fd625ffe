"""Answers from logits: always a slice of the context, with its offsets.

What differs from the reference (`reference_answers`): every span of the context is a candidate,
not only those of the best starts and ends over all positions; an answer is widened to whole words;
a question without a candidate gets no answer.
"""

from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.texts.question_answering.pieces import ContextPieces
from clinicalbert_tf.texts.question_answering.prediction import (
    AnswerSettings,
    PredictedAnswer,
    Prediction,
    with_probabilities,
)
from clinicalbert_tf.texts.question_answering.windows import EncodedQuestion, Window

# Odds of "no answer" if nothing else can be answered: a number, since JSON has no infinity.
CERTAINLY_NONE = 1_000_000.0
# Spans looked at per window for each answer wanted: several become one text.
_SPARE = 4


def predict(
    encoded: EncodedQuestion,
    logits: Sequence[tuple[np.ndarray, np.ndarray]],
    starts_word: np.ndarray,
    settings: AnswerSettings,
) -> Prediction:
    """The answer to one question.

    Args:
        encoded: the question's windows.
        logits: (start, end) logits of each window, float [positions], at least its own tokens.
        starts_word: bool [vocabulary], False for wordpieces that continue a word.
        settings: how answers are taken.

    Returns:
        The prediction; its answer's text is "" if the context has no word, or if "no answer"
        wins in SQuAD 2.0.
    """
    word_starts, word_ends = whole_words(encoded.pieces, starts_word)
    spans = [
        span
        for window, (starts, ends) in zip(encoded.windows, logits, strict=True)
        for span in window_spans(window, starts, ends, settings)
    ]
    spans.sort(key=lambda span: span[2] + span[3], reverse=True)
    n_best: list[PredictedAnswer] = []
    texts = set()
    for first, last, start_logit, end_logit in spans:
        if len(n_best) == settings.n_best_size:
            break
        start, end = int(word_starts[first]), int(word_ends[last])
        text = encoded.question.context[start:end]
        if text not in texts:
            texts.add(text)
            n_best.append(PredictedAnswer(text, start_logit, end_logit, 1.0, start, end))
    return _decide(encoded, logits, n_best, settings)


def window_spans(
    window: Window, starts: np.ndarray, ends: np.ndarray, settings: AnswerSettings
) -> list[tuple[int, int, float, float]]:
    """The best spans of a window.

    Args:
        window: the window.
        starts, ends: float [positions], logits.
        settings: how answers are taken.

    Returns:
        (first wordpiece, last wordpiece, start logit, end logit), numbered in the context, best
        first; each begins where this window gives its wordpiece the maximum context.
    """
    inside = slice(window.context_start, window.context_start + window.num_pieces)
    starts, ends = (np.asarray(logits, np.float64)[inside] for logits in (starts, ends))
    length = min(settings.max_answer_length, len(starts))
    if length < 1:
        return []
    # scores[i, k]: from wordpiece i, k + 1 wordpieces long.
    padded = np.concatenate([ends, np.full(length - 1, -np.inf)])
    scores = starts[:, None] + np.lib.stride_tricks.sliding_window_view(padded, length)
    scores = np.where(window.max_context[:, None], scores, -np.inf).ravel()
    wanted = min(len(scores), _SPARE * settings.n_best_size)
    best = np.argpartition(-scores, wanted - 1)[:wanted]
    best = best[np.lexsort((best, -scores[best]))]
    best = best[np.isfinite(scores[best])]
    first, more = np.divmod(best, length)
    last = first + more
    return list(
        zip(
            (first + window.first_piece).tolist(),
            (last + window.first_piece).tolist(),
            starts[first].tolist(),
            ends[last].tolist(),
            strict=True,
        )
    )


def whole_words(pieces: ContextPieces, starts_word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the word of each wordpiece begins and ends in the context: int [pieces] each."""
    if not len(pieces):
        return pieces.starts, pieces.ends
    begins = starts_word[pieces.ids].copy()
    begins[0] = True
    number = np.cumsum(begins) - 1
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(pieces)) - 1
    return pieces.starts[firsts][number], pieces.ends[lasts][number]


def _decide(
    encoded: EncodedQuestion, logits, n_best: list[PredictedAnswer], settings: AnswerSettings
) -> Prediction:
    question_id = encoded.question.question_id
    if not settings.version_2:
        answers = with_probabilities(n_best or [PredictedAnswer("", 0.0, 0.0)])
        return Prediction(question_id, answers[0], answers)
    null_logits = [(float(starts[0]), float(ends[0])) for starts, ends in logits]
    null = PredictedAnswer("", *min(null_logits, key=sum, default=(0.0, 0.0)))
    answers = with_probabilities(
        sorted([*n_best, null], key=lambda answer: answer.score, reverse=True)
    )
    empty = next(answer for answer in answers if not answer.text)
    best = next((answer for answer in answers if answer.text), None)
    odds = CERTAINLY_NONE if best is None else empty.score - best.score
    answer = empty if odds > settings.null_score_diff_threshold else best
    return Prediction(question_id, answer or empty, answers, odds)

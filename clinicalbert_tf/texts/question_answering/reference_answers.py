"""Answers from logits as the reference takes them, quirk by quirk (`--answers=reference`).

Kept as they are: the best starts and ends are looked for at all positions, question and padding
included; an answer may begin or end inside a word; its text is found again by `get_final_text`;
"empty" is answered if no candidate is valid in SQuAD 1.1. Not kept are the crashes: a question
without a valid candidate gets no answer in SQuAD 2.0.

Source: write_predictions of the BERT reference's run_squad.py.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from clinicalbert_tf.texts.question_answering.final_text import get_final_text, joined_pieces
from clinicalbert_tf.texts.question_answering.prediction import (
    AnswerSettings,
    PredictedAnswer,
    Prediction,
    with_probabilities,
)
from clinicalbert_tf.texts.question_answering.reference_features import (
    ReferenceExample,
    ReferenceFeature,
)
from tfrecords_builder.tokenization import BertTokenizer

_NOTHING = "empty"
# The reference's score of "no answer" before any window was read.
_WORST_NULL_SCORE = 1_000_000


@dataclasses.dataclass(frozen=True)
class _Candidate:
    feature: ReferenceFeature | None
    start: int
    end: int
    start_logit: float
    end_logit: float

    @property
    def score(self) -> float:
        return self.start_logit + self.end_logit


def predict_reference(
    example: ReferenceExample,
    features: Sequence[ReferenceFeature],
    logits: Sequence[tuple[Sequence[float], Sequence[float]]],
    tokenizer: BertTokenizer,
    settings: AnswerSettings,
) -> Prediction:
    """The answer to one question.

    Args:
        example: the question.
        features: its windows.
        logits: (start, end) logits of each window at all of its positions, padding included.
        tokenizer: the model's tokenizer; only its basic tokenizer is used.
        settings: how answers are taken.
    """
    candidates = [
        candidate
        for feature, (starts, ends) in zip(features, logits, strict=True)
        for candidate in _window_candidates(feature, starts, ends, settings)
    ]
    null = _null_candidate(logits) if settings.version_2 else None
    if null is not None:
        candidates.append(null)
    candidates.sort(key=lambda candidate: candidate.score, reverse=True)
    n_best = _n_best(candidates, example, tokenizer, settings.n_best_size)
    if null is not None and all(answer.text for answer in n_best):
        n_best.append(PredictedAnswer("", null.start_logit, null.end_logit))
    n_best = with_probabilities(n_best or [PredictedAnswer(_NOTHING, 0.0, 0.0)])
    if null is None:
        return Prediction(example.qas_id, n_best[0], n_best)
    return _with_null(example.qas_id, n_best, null, settings)


def _with_null(
    question_id: str,
    n_best: tuple[PredictedAnswer, ...],
    null: _Candidate,
    settings: AnswerSettings,
) -> Prediction:
    empty = next(answer for answer in n_best if not answer.text)
    best = next((answer for answer in n_best if answer.text), None)
    if best is None:
        return Prediction(question_id, empty, n_best, float(_WORST_NULL_SCORE))
    odds = null.score - best.start_logit - best.end_logit
    answer = empty if odds > settings.null_score_diff_threshold else best
    return Prediction(question_id, answer, n_best, odds)


def _window_candidates(
    feature: ReferenceFeature, starts, ends, settings: AnswerSettings
) -> Iterator[_Candidate]:
    best_ends = [
        place
        for place in _best_places(ends, settings.n_best_size)
        if place in feature.token_to_orig_map
    ]
    for start in _best_places(starts, settings.n_best_size):
        if start not in feature.token_to_orig_map:
            continue
        if not feature.token_is_max_context.get(start, False):
            continue
        for end in best_ends:
            if start <= end < start + settings.max_answer_length:
                yield _Candidate(feature, start, end, starts[start], ends[end])


def _best_places(logits: Sequence[float], count: int) -> list[int]:
    """The places of the greatest logits, the earlier one of two equals first."""
    return np.argsort(-np.asarray(logits, np.float64), kind="stable")[:count].tolist()


def _null_candidate(logits: Sequence[tuple[Sequence[float], Sequence[float]]]) -> _Candidate:
    scored = [(starts[0], ends[0]) for starts, ends in logits]
    start, end = min(scored, key=sum, default=(0, 0))
    return _Candidate(None, 0, 0, start, end)


def _n_best(
    candidates: list[_Candidate], example: ReferenceExample, tokenizer: BertTokenizer, count: int
) -> list[PredictedAnswer]:
    seen: set[str] = set()
    answers: list[PredictedAnswer] = []
    for candidate in candidates:
        if len(answers) >= count:
            break
        text = _text(candidate, example, tokenizer)
        if text in seen and candidate.feature is not None:
            continue
        seen.add(text)
        answers.append(PredictedAnswer(text, candidate.start_logit, candidate.end_logit))
    return answers


def _text(candidate: _Candidate, example: ReferenceExample, tokenizer: BertTokenizer) -> str:
    feature = candidate.feature
    if feature is None:
        return ""
    first = feature.token_to_orig_map[candidate.start]
    last = feature.token_to_orig_map[candidate.end]
    return get_final_text(
        joined_pieces(feature.tokens[candidate.start : candidate.end + 1]),
        " ".join(example.doc_tokens[first : last + 1]),
        tokenizer,
    )

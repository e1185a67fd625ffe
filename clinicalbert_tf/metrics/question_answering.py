"""Exact match and F1 of extractive answers, as both official SQuAD scripts compute them."""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lowers case, removes ASCII punctuation and articles, joins words by one space."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, answer: str) -> bool:
    """Says whether prediction and answer are equal after `normalize_answer`."""
    return normalize_answer(prediction) == normalize_answer(answer)


def f1(prediction: str, answer: str, empty_is_equal: bool = True) -> float:
    """Returns F1 over the words of prediction and answer after `normalize_answer`.

    Args:
        prediction, answer: texts.
        empty_is_equal: two empty texts give 1.0 (version 2.0) or 0.0 (version 1.1).
    """
    found, true = normalize_answer(prediction).split(), normalize_answer(answer).split()
    if not found or not true:
        return float(empty_is_equal and found == true)
    common = (Counter(found) & Counter(true)).total()
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(true)
    return 2 * precision * recall / (precision + recall)


def scores_v1(answers: Mapping[str, Sequence[str]], predictions: Mapping[str, str]) -> dict:
    """Returns the scores of SQuAD 1.1, in percent.

    Args:
        answers: question id -> right answers, at least one.
        predictions: question id -> text; a missing one scores 0, an unknown id is ignored.

    Returns:
        {"exact_match", "f1"}: the official script's keys.

    Raises:
        ValueError: no questions, or one without an answer.

    Source: evaluate-v1.1.py.
    """
    _check_questions(answers)
    empty = [i for i, texts in answers.items() if not texts]
    if empty:
        raise ValueError(
            f"Expected an answer for each question, received none for {len(empty)}, the first "
            f"{empty[0]!r}. Score unanswerable questions with --version_2."
        )
    exact, overlap = raw_scores_v1(answers, predictions)
    return {
        "exact_match": 100 * sum(exact.values()) / len(answers),
        "f1": 100 * sum(overlap.values()) / len(answers),
    }


def raw_scores_v1(
    answers: Mapping[str, Sequence[str]], predictions: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Returns (question id -> exact match, question id -> F1) of SQuAD 1.1, between 0 and 1."""
    exact, overlap = dict.fromkeys(answers, 0.0), dict.fromkeys(answers, 0.0)
    for question, texts in answers.items():
        if question in predictions:
            text = predictions[question]
            exact[question] = float(max(exact_match(text, answer) for answer in texts))
            overlap[question] = max(f1(text, answer, empty_is_equal=False) for answer in texts)
    return exact, overlap


def raw_scores_v2(
    answers: Mapping[str, Sequence[str]], predictions: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Returns (question id -> exact match, question id -> F1) of SQuAD 2.0, between 0 and 1.

    A question without an answer is right if nothing is predicted. A missing prediction scores 0
    (the official script fails on it).
    """
    exact, overlap = {}, {}
    for question, texts in answers.items():
        texts = [text for text in texts if normalize_answer(text)] or [""]
        prediction = predictions.get(question)
        if prediction is None:
            exact[question] = overlap[question] = 0.0
            continue
        exact[question] = float(max(exact_match(prediction, text) for text in texts))
        overlap[question] = max(f1(prediction, text) for text in texts)
    return exact, overlap


def scores_v2(
    answers: Mapping[str, Sequence[str]],
    predictions: Mapping[str, str],
    no_answer_scores: Mapping[str, float] | None = None,
    threshold: float = 1.0,
) -> dict:
    """Returns the scores of SQuAD 2.0, in percent.

    Args:
        answers: question id -> right answers, none if it has no answer.
        predictions: question id -> text, "" for no answer.
        no_answer_scores: question id -> score or probability that it has no answer; adds
            best_exact, best_exact_thresh, best_f1 and best_f1_thresh.
        threshold: a question with a higher no-answer score counts as answered by "".

    Returns:
        The official script's keys: exact, f1, total, HasAns_exact, HasAns_f1, HasAns_total,
        NoAns_exact, NoAns_f1, NoAns_total (HasAns_ or NoAns_ only if there are such questions).

    Raises:
        ValueError: no questions, or a question without a no-answer score.

    Source: evaluate-v2.0.py.
    """
    _check_questions(answers)
    nulls = dict.fromkeys(answers, 0.0) if no_answer_scores is None else no_answer_scores
    missing = [question for question in answers if question not in nulls]
    if missing:
        raise ValueError(
            f"Expected a no-answer score for each question, received none for {len(missing)}, the "
            f"first {missing[0]!r}."
        )
    raw = raw_scores_v2(answers, predictions)
    exact, overlap = apply_threshold(answers, raw, nulls, threshold)
    result = _means("", list(answers), exact, overlap)
    for prefix, answerable in (("HasAns_", True), ("NoAns_", False)):
        some = [question for question in answers if bool(answers[question]) == answerable]
        if some:
            result |= _means(prefix, some, exact, overlap)
    if no_answer_scores is not None:
        for name, side in zip(("exact", "f1"), raw, strict=True):
            best, best_threshold = best_null_threshold(answers, predictions, side, nulls)
            result[f"best_{name}"], result[f"best_{name}_thresh"] = best, best_threshold
    return result


def apply_threshold(
    answers: Mapping[str, Sequence[str]],
    raw: Sequence[Mapping[str, float]],
    no_answer_scores: Mapping[str, float],
    threshold: float,
) -> list[dict[str, float]]:
    """Rescores questions with a higher no-answer score than the threshold as answered by ""."""
    return [
        {
            name: float(not answers[name]) if no_answer_scores[name] > threshold else score
            for name, score in side.items()
        }
        for side in raw
    ]


def best_null_threshold(
    answers: Mapping[str, Sequence[str]],
    predictions: Mapping[str, str],
    scores: Mapping[str, float],
    no_answer_scores: Mapping[str, float],
) -> tuple[float, float]:
    """Finds the no-answer threshold with the best score.

    Args:
        answers, predictions: as in `scores_v2`.
        scores: question id -> exact match or F1, as `raw_scores_v2` returns.
        no_answer_scores: question id -> no-answer score.

    Returns:
        (score in percent, threshold): of equal scores the lowest threshold; 0.0 if "no answer" to
        every question is best.

    Source: evaluate-v2.0.py, find_best_thresh.
    """
    current = best = float(sum(not texts for texts in answers.values()))
    threshold = 0.0
    for question in sorted(no_answer_scores, key=no_answer_scores.__getitem__):
        if question not in scores:
            continue
        if answers[question]:
            current += scores[question]
        else:
            current -= bool(predictions.get(question))
        if current > best:
            best, threshold = current, no_answer_scores[question]
    return 100 * best / len(scores), threshold


def _means(prefix: str, questions: list[str], exact: Mapping, overlap: Mapping) -> dict:
    return {
        f"{prefix}exact": 100 * sum(exact[q] for q in questions) / len(questions),
        f"{prefix}f1": 100 * sum(overlap[q] for q in questions) / len(questions),
        f"{prefix}total": len(questions),
    }


def _check_questions(answers: Mapping) -> None:
    if not answers:
        raise ValueError("Expected at least one question to score, received none.")

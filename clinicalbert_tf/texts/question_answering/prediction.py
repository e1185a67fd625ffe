"""What was predicted for one question."""

import dataclasses
import math
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class AnswerSettings:
    """How answers are taken from logits.

    Attributes:
        n_best_size: answers kept per question; in the reference also the number of starts and of
            ends that are looked at per window.
        max_answer_length: wordpieces of an answer at most.
        version_2: whether "no answer" may be predicted.
        null_score_diff_threshold: "no answer" is predicted if its score is greater than the best
            answer's by more than this.
        reference: whether to take them as the reference does, quirk by quirk.
    """

    n_best_size: int = 20
    max_answer_length: int = 30
    version_2: bool = False
    null_score_diff_threshold: float = 0.0
    reference: bool = False


@dataclasses.dataclass(frozen=True)
class PredictedAnswer:
    """One of the n best.

    Attributes:
        text: the answer; "" for none.
        start_logit, end_logit: what the model gave its first and last wordpiece.
        probability: share among the n best.
        start, end: offsets in the context; None for "no answer" and in the reference's form.
    """

    text: str = dataclasses.field(repr=False)
    start_logit: float
    end_logit: float
    probability: float = 1.0
    start: int | None = None
    end: int | None = None

    @property
    def score(self) -> float:
        """Sum of both logits."""
        return self.start_logit + self.end_logit


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The answers to one question.

    Attributes:
        question_id: the question.
        answer: what is answered.
        n_best: the best answers, best first; with `version_2` "no answer" is one of them.
        null_odds: the score of "no answer" less that of the best answer; None unless `version_2`.
    """

    question_id: str
    answer: PredictedAnswer
    n_best: tuple[PredictedAnswer, ...] = dataclasses.field(repr=False)
    null_odds: float | None = None


def softmax(scores: Sequence[float]) -> list[float]:
    """Shares of scores: exp(score) over the sum, computed from the largest score down."""
    if not scores:
        return []
    largest = max(scores)
    values = [math.exp(score - largest) for score in scores]
    # Added one after the other, as in the reference: sum() adds more exactly since Python 3.12.
    total = 0.0
    for value in values:
        total += value
    return [value / total for value in values]


def with_probabilities(answers: Sequence[PredictedAnswer]) -> tuple[PredictedAnswer, ...]:
    """The same answers, each with its share among them."""
    shares = softmax([answer.score for answer in answers])
    return tuple(
        dataclasses.replace(answer, probability=share)
        for answer, share in zip(answers, shares, strict=True)
    )

"""From the logits of windows to answers, and from answers to scores."""

from collections.abc import Mapping, Sequence

import numpy as np

from clinicalbert_tf.metrics.bioasq import factoid_scores, list_scores
from clinicalbert_tf.metrics.intervals import intervals, mean_of
from clinicalbert_tf.metrics.question_answering import (
    best_null_threshold,
    raw_scores_v2,
    scores_v1,
    scores_v2,
)
from clinicalbert_tf.tasks.question_answering.data import QuestionSet
from clinicalbert_tf.texts.question_answering.answers import predict
from clinicalbert_tf.texts.question_answering.bioasq_answers import bioasq_answers
from clinicalbert_tf.texts.question_answering.prediction import AnswerSettings, Prediction
from clinicalbert_tf.texts.question_answering.reference_answers import predict_reference
from clinicalbert_tf.texts.question_answering.reference_features import reference_features
from tfrecords_builder.tokenization import BertTokenizer


def answer_questions(
    asked: QuestionSet,
    logits: Mapping[str, Sequence[np.ndarray]],
    tokenizer: BertTokenizer,
    settings: AnswerSettings,
) -> list[Prediction]:
    """The answers to all questions of a set.

    Args:
        asked: the questions.
        logits: "start_logits" and "end_logits", float [length] of every window in order.
        tokenizer: the model's.
        settings: how answers are taken.
    """
    rows = iter(zip(logits["start_logits"], logits["end_logits"], strict=True))
    answered = []
    for index, encoded in enumerate(asked.encoded):
        own = [next(rows) for _ in encoded.windows]
        if not settings.reference:
            answered.append(predict(encoded, own, tokenizer.starts_word, settings))
            continue
        features = list(reference_features(encoded, tokenizer, index))
        # The reference's arithmetic is that of Python floats.
        own = [(start.tolist(), end.tolist()) for start, end in own]
        answered.append(
            predict_reference(asked.examples[index], features, own, tokenizer, settings)
        )
    return answered


def score_answers(
    asked: QuestionSet, answered: Sequence[Prediction], version_2: bool
) -> dict[str, float]:
    """The scores of answers under the official scripts' names, in percent; {} without answers.

    With `version_2` the best threshold of "no answer" is among them, and for questions of BioASQ
    its own measures (fractions).
    """
    if not asked.has_answers:
        return {}
    truth = {q.question_id: [answer.text for answer in q.answers] for q in asked.questions}
    given = {prediction.question_id: prediction.answer.text for prediction in answered}
    if version_2:
        scores = scores_v2(truth, given)
        best, threshold = choose_threshold(truth, answered)
        scores |= {"best_f1": best, "best_f1_thresh": threshold}
    else:
        # A context without an answer cannot be answered right in SQuAD 1.1.
        truth = {name: texts for name, texts in truth.items() if texts}
        scores = scores_v1(truth, given)
    return scores | _bioasq_scores(asked, answered)


def score_intervals(
    asked: QuestionSet, answered: Sequence[Prediction], version_2: bool
) -> dict[str, list[float] | None]:
    """95% intervals of exact match and F1 in percent: documents drawn with replacement."""
    questions = [q for q in asked.questions if version_2 or q.answers]
    if not asked.has_answers or not questions:
        return {}
    truth = {q.question_id: [answer.text for answer in q.answers] for q in questions}
    given = {prediction.question_id: prediction.answer.text for prediction in answered}
    exact, overlap = raw_scores_v2(truth, given)
    name = "exact" if version_2 else "exact_match"
    statistics = {
        key: mean_of(np.array([100 * scores[q.question_id] for q in questions]))
        for key, scores in ((name, exact), ("f1", overlap))
    }
    documents = [question.document_id for question in questions]
    return intervals(statistics, len(questions), documents)


def choose_threshold(
    truth: Mapping[str, Sequence[str]], answered: Sequence[Prediction]
) -> tuple[float, float]:
    """(best F1 in percent, threshold of "no answer" that gives it).

    Args:
        truth: {question: its right answers, none if it has no answer}.
        answered: a prediction for each.
    """
    best_texts = {p.question_id: best_text(p) for p in answered}
    odds = {p.question_id: p.null_odds for p in answered}
    _, overlap = raw_scores_v2(truth, best_texts)
    return best_null_threshold(truth, best_texts, overlap, odds)


def best_text(prediction: Prediction) -> str:
    """The best answer that is not "no answer"; "" if there is none."""
    return next((answer.text for answer in prediction.n_best if answer.text), "")


def _bioasq_scores(asked: QuestionSet, answered: Sequence[Prediction]) -> dict[str, float]:
    gold = _accepted_names(asked)
    answers = bioasq_answers(asked.questions, answered)
    found = {}
    for kind, score in (("factoid", factoid_scores), ("list", list_scores)):
        groups = [name for name, (its_kind, _) in answers.items() if its_kind == kind]
        groups = [name for name in groups if gold[name]]
        if groups:
            names = [gold[group] for group in groups]
            if kind == "factoid":
                names = [[name for accepted in item for name in accepted] for item in names]
            scores = score(names, [answers[group][1] for group in groups])
            found |= {f"{kind}_{name}": value for name, value in scores.items()}
    return found


def _accepted_names(asked: QuestionSet) -> dict[str, list[tuple[str, ...]]]:
    """For each question of BioASQ its exact answers; of prepared files those in the contexts."""
    gold: dict[str, dict] = {}
    for question in asked.questions:
        names = question.names or [(answer.text,) for answer in question.answers]
        gold.setdefault(question.group_id, {}).update(dict.fromkeys(names))
    return {group: list(names) for group, names in gold.items()}

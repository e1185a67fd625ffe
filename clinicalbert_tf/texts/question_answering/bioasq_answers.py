"""Answers about the snippets of a question joined into one answer, as BioASQ wants it.

Source: transform_nbset2bioasqform.py of BioBERT and transform_n2b_list.py of Yoon et al. 2019.
"""

from collections import defaultdict
from collections.abc import Iterable

from clinicalbert_tf.texts.question_answering.prediction import Prediction
from clinicalbert_tf.texts.question_answering.question import Question

# Of both scripts: longer texts are no names; five names of a factoid count.
LONGEST_NAME = 100
FACTOID_NAMES = 5
LIST_THRESHOLD = 0.42
KINDS = ("factoid", "list")


def joined_names(predictions: Iterable[Prediction]) -> list[tuple[str, float]]:
    """The answers of several contexts as one list.

    Args:
        predictions: of the contexts of one question.

    Returns:
        (text, sum of its probabilities over contexts), best first. Upper and lower case count as
        one, written as where it was most probable; "" and texts of over 100 characters are left
        out.
    """
    entries = [answer for prediction in predictions for answer in prediction.n_best]
    entries.sort(key=lambda answer: answer.probability, reverse=True)
    totals: dict[str, float] = {}
    written: dict[str, str] = {}
    for answer in entries:
        if answer.text and len(answer.text) <= LONGEST_NAME:
            key = answer.text.lower()
            written.setdefault(key, answer.text)
            totals[key] = totals.get(key, 0.0) + answer.probability
    ranked = sorted(totals.items(), key=lambda item: item[1], reverse=True)
    return [(written[key], total) for key, total in ranked]


def exact_answer(kind: str, predictions: Iterable[Prediction]) -> list[str]:
    """The names that answer a question: five of a factoid, those above the threshold of a list."""
    names = joined_names(predictions)
    if kind != "list":
        return [text for text, _ in names[:FACTOID_NAMES]]
    chosen = [text for text, total in names if total > LIST_THRESHOLD]
    return chosen or [text for text, _ in names[:1]]


def bioasq_answers(
    questions: Iterable[Question], predictions: Iterable[Prediction]
) -> dict[str, tuple[str, list[str]]]:
    """{question of BioASQ: (kind, names)} in the order of the questions.

    Args:
        questions: contexts of questions; those of other kinds than "factoid" and "list" do not
            count.
        predictions: one for each.
    """
    kinds: dict[str, str] = {}
    grouped: dict[str, list[Prediction]] = defaultdict(list)
    for question, prediction in zip(questions, predictions, strict=True):
        if question.kind in KINDS:
            kinds.setdefault(question.group_id, question.kind)
            grouped[question.group_id].append(prediction)
    return {group: (kind, exact_answer(kind, grouped[group])) for group, kind in kinds.items()}


def submission(answers: dict[str, tuple[str, list[str]]]) -> dict:
    """The JSON value that BioASQ's evaluation reads."""
    return {
        "questions": [
            {"id": group, "type": kind, "ideal_answer": "", "exact_answer": [[n] for n in names]}
            for group, (kind, names) in answers.items()
        ]
    }

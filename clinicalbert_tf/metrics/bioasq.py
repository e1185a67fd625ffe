"""Scores of the exact answers of BioASQ task B: factoid, list and yes/no questions."""

from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.metrics.classification import precision_recall_f1

# A system may give five names for a factoid question.
FACTOID_ANSWERS = 5


def factoid_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict:
    """Returns strict and lenient accuracy and the mean reciprocal rank.

    Args:
        gold: the accepted names of each question.
        predicted: the system's names of each question, best first; from the sixth on they do not
            count.

    Returns:
        {"strict_accuracy": first name is right, "lenient_accuracy": one of five is, "mrr": mean of
        1 / rank of the first right name, 0 if there is none}. Letter case and outer spaces do not
        count.

    Raises:
        ValueError: no questions, or another number of predictions.

    Source: Balikas et al. 2013, BioASQ evaluation framework, section 3.2.
    """
    _check(gold, predicted)
    reciprocal = []
    for names, answers in zip(gold, predicted, strict=True):
        accepted = {_normal(name) for name in names}
        ranks = [
            rank
            for rank, answer in enumerate(answers[:FACTOID_ANSWERS], start=1)
            if _normal(answer) in accepted
        ]
        reciprocal.append(1 / ranks[0] if ranks else 0.0)
    reciprocal = np.array(reciprocal)
    return {
        "strict_accuracy": float(np.mean(reciprocal == 1)),
        "lenient_accuracy": float(np.mean(reciprocal > 0)),
        "mrr": float(np.mean(reciprocal)),
    }


def list_scores(
    gold: Sequence[Sequence[Sequence[str]]], predicted: Sequence[Sequence[str]]
) -> dict:
    """Returns the means over questions of precision, recall and F1.

    Args:
        gold: the items of each question, each with its accepted names.
        predicted: the system's items of each question; a repeated one and a second name of the same
            item count as wrong.

    Raises:
        ValueError: no questions, or another number of predictions.

    Source: as `factoid_scores`.
    """
    _check(gold, predicted)
    rows = []
    for items, answers in zip(gold, predicted, strict=True):
        names = {_normal(name): i for i, item in enumerate(items) for name in item}
        found = {names[_normal(a)] for a in answers if _normal(a) in names}
        rows.append(precision_recall_f1(len(found), len(answers), len(items)))
    means = np.mean(np.array(rows, np.float64), axis=0)
    return {n: float(v) for n, v in zip(("precision", "recall", "f1"), means, strict=True)}


def yesno_scores(gold: Sequence[str], predicted: Sequence[str]) -> dict:
    """Returns accuracy, F1 of yes, F1 of no and their mean (the official measure since 2018).

    Raises:
        ValueError: no questions, another number of predictions, or a gold answer that is neither.
    """
    _check(gold, predicted)
    true = np.array([_normal(answer) for answer in gold])
    found = np.array([_normal(answer) for answer in predicted])
    if not np.isin(true, ("yes", "no")).all():
        raise ValueError("Expected gold answers yes or no, received another one.")
    of = {
        name: float(
            precision_recall_f1(
                ((true == name) & (found == name)).sum(),
                (found == name).sum(),
                (true == name).sum(),
            )[2]
        )
        for name in ("yes", "no")
    }
    return {
        "accuracy": float(np.mean(true == found)),
        "f1_yes": of["yes"],
        "f1_no": of["no"],
        "f1_macro": (of["yes"] + of["no"]) / 2,
    }


def _normal(name: str) -> str:
    return " ".join(name.lower().split())


def _check(gold: Sequence, predicted: Sequence) -> None:
    if not gold or len(gold) != len(predicted):
        raise ValueError(
            f"Expected one prediction for each question, received {len(predicted)} for {len(gold)}."
        )

"""Entities of label sequences and their exact scores: conlleval's rule and strict IOB2 / IOBES."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from clinicalbert_tf.metrics.classification import precision_recall_f1

# (type, first token, one past the last token)
Entity = tuple[str, int, int]
Sentences = Sequence[Sequence[str]]

# conlleval knows B, I, E and O; S (one token, of IOBES) is read as seqeval does.
TAGS = frozenset("BIESO")
# BILOU's names for E and S.
_BILOU = {"L": "E", "U": "S"}
_SPLIT: dict[str, tuple[str, str]] = {}


def split_label(label: str) -> tuple[str, str]:
    """Splits a label at its first hyphen: "B-LOCATION-OTHER" -> ("B", "LOCATION-OTHER").

    A bare "B" has the type "", as conlleval reads it.

    Raises:
        ValueError: the tag is none of B, I, E, S and O, or O has a type. The label is not in the
            message.
    """
    pair = _SPLIT.get(label)
    if pair is None:
        tag, hyphen, type_name = str(label).partition("-")
        tag = _BILOU.get(tag, tag)
        if tag not in TAGS or (tag == "O" and hyphen):
            raise ValueError(
                "Expected a label O or B-, I-, E- or S- with a type, received another one."
            )
        pair = _SPLIT[label] = (tag, type_name)
    return pair


def entities(labels: Iterable[str]) -> list[Entity]:
    """Returns the entities of one sentence by conlleval's rule.

    An I- after O, after another type or at the start begins an entity, as if it were a B-.

    Args:
        labels: one label per token.

    Returns:
        Entities in order of position.

    Raises:
        ValueError: an unknown label.

    Source: conlleval.pl (Tjong Kim Sang and Buchholz 2000); seqeval's default for S.
    """
    return [(name, start, end) for name, start, end, _ in _entities_and_repairs(labels)]


def _entities_and_repairs(labels: Iterable[str]) -> Iterator[tuple[str, int, int, bool]]:
    start, repaired, position = None, False, -1
    previous_tag, previous_type = "O", ""
    for position, label in enumerate(labels):
        tag, type_name = split_label(label)
        if start is not None and (
            tag in "BSO" or previous_tag in "ES" or type_name != previous_type
        ):
            yield previous_type, start, position, repaired
            start = None
        if start is None and tag != "O":
            start, repaired = position, tag in "IE"
        previous_tag, previous_type = tag, type_name
    if start is not None:
        yield previous_type, start, position + 1, repaired


def strict_entities(labels: Iterable[str], scheme: str = "IOB2") -> list[Entity]:
    """Returns the entities of one sentence that are well formed.

    Args:
        labels: one label per token.
        scheme: "IOB2": B- then I- of the same type; other I- belong to no entity. "IOBES": S-, or
            B-, any I-, E- of the same type; anything unfinished is no entity.

    Returns:
        Entities in order of position.

    Source: seqeval's strict mode.
    """
    if scheme not in ("IOB2", "IOBES"):
        raise ValueError(f"Expected the scheme IOB2 or IOBES, received {scheme!r}.")
    found: list[Entity] = []
    start, open_type, position = None, "", -1
    for position, label in enumerate(labels):
        tag, type_name = split_label(label)
        continues = start is not None and tag in "IE" and type_name == open_type
        if not continues:
            if start is not None and scheme == "IOB2":
                found.append((open_type, start, position))
            start = None
        if tag == "B":
            start, open_type = position, type_name
        elif tag == "S" and scheme == "IOBES":
            found.append((type_name, position, position + 1))
        elif tag == "E" and continues and scheme == "IOBES":
            found.append((open_type, start, position + 1))
            start = None
    if start is not None and scheme == "IOB2":
        found.append((open_type, start, position + 1))
    return found


def scheme_of(*sides: Sentences) -> str:
    """Returns "IOBES" if any label is E- or S- (or BILOU's L- or U-), else "IOB2"."""
    labels = {label for sentences in sides for labels in sentences for label in labels}
    return "IOBES" if any(split_label(label)[0] in "ES" for label in labels) else "IOB2"


def repaired_tags(sentences: Sentences) -> int:
    """Counts labels that begin an entity although they say that they continue one."""
    return sum(
        repaired for labels in sentences for _, _, _, repaired in _entities_and_repairs(labels)
    )


def exact_scores(gold: Sentences, predicted: Sentences) -> dict:
    """Returns exact-match scores by conlleval's rule: type, start and end must be equal.

    Args:
        gold, predicted: lists of sentences of labels, of equal lengths.

    Returns:
        {"precision", "recall", "f1" of all types together, "by_type": type -> {"precision",
        "recall", "f1", "gold", "predicted", "correct"}}; 0.0 for 0 / 0, as conlleval prints it.

    Raises:
        ValueError: another number of sentences or labels, or an unknown label.

    Source: conlleval.pl.
    """
    check_lengths(gold, predicted)
    return scores_of_entities(map(entities, gold), map(entities, predicted))


def strict_scores(gold: Sentences, predicted: Sentences) -> dict:
    """Returns scores like `exact_scores` of well-formed entities only (`strict_entities`).

    Both sides are read by one scheme: IOBES if any label is E- or S-, else IOB2.
    """
    check_lengths(gold, predicted)
    scheme = scheme_of(gold, predicted)
    return scores_of_entities(
        (strict_entities(labels, scheme) for labels in gold),
        (strict_entities(labels, scheme) for labels in predicted),
    )


def counts_by_sentence(gold: Sentences, predicted: Sentences) -> np.ndarray:
    """Returns int array [sentences, 3] of correct, predicted and gold entities, for intervals."""
    check_lengths(gold, predicted)
    return counts_of_entities(map(entities, gold), map(entities, predicted))


def counts_of_entities(
    gold: Iterable[Sequence[Entity]], predicted: Iterable[Sequence[Entity]]
) -> np.ndarray:
    """Returns the counts of `counts_by_sentence` of sentences of entities."""
    pairs = zip(gold, predicted, strict=True)
    rows = [(len(set(a) & set(b)), len(b), len(a)) for a, b in pairs]
    return np.array(rows, np.int64).reshape(-1, 3)


def token_accuracy(gold: Sentences, predicted: Sentences) -> float:
    """Returns the share of tokens with equal labels, 0.0 without tokens (conlleval's accuracy)."""
    check_lengths(gold, predicted)
    tokens = sum(map(len, gold))
    sentences = zip(gold, predicted, strict=True)
    equal = sum(sum(map(str.__eq__, labels, others)) for labels, others in sentences)
    return equal / tokens if tokens else 0.0


def scores_of_entities(
    gold: Iterable[Iterable[Entity]], predicted: Iterable[Iterable[Entity]]
) -> dict:
    """Returns scores like `exact_scores` of sentences of entities."""
    n_gold, n_predicted, n_correct = Counter(), Counter(), Counter()
    for gold_entities, predicted_entities in zip(gold, predicted, strict=True):
        of_gold, of_predicted = set(gold_entities), set(predicted_entities)
        n_gold.update(entity[0] for entity in of_gold)
        n_predicted.update(entity[0] for entity in of_predicted)
        n_correct.update(entity[0] for entity in of_gold & of_predicted)
    return scores_of_counts(n_gold, n_predicted, n_correct, n_correct)


def scores_of_counts(
    n_gold: Counter, n_predicted: Counter, gold_found: Counter, predicted_right: Counter
) -> dict:
    """Returns scores like `exact_scores` of counts by type.

    Args:
        n_gold, n_predicted: entities by type.
        gold_found: gold entities that a prediction matches, by the gold type.
        predicted_right: predictions that match a gold entity, by the predicted type.
    """
    by_type = {}
    for name in sorted(n_gold.keys() | n_predicted.keys()):
        counts = gold_found[name], predicted_right[name], n_predicted[name], n_gold[name]
        by_type[name] = _scores(*counts) | {
            "gold": n_gold[name],
            "predicted": n_predicted[name],
            "correct": gold_found[name],
        }
    found, right = gold_found.total(), predicted_right.total()
    return _scores(found, right, n_predicted.total(), n_gold.total()) | {"by_type": by_type}


def check_lengths(gold: Sentences, predicted: Sentences) -> None:
    """Raises ValueError unless both sides have the same sentences, label by label."""
    if len(gold) != len(predicted):
        raise ValueError(
            f"Expected as many predicted as gold sentences, received {len(predicted)} and "
            f"{len(gold)}."
        )
    for number, (labels, others) in enumerate(zip(gold, predicted, strict=True)):
        if isinstance(labels, str) or isinstance(others, str):
            raise ValueError(
                "Expected lists of sentences, each a list of labels, received labels as sentences. "
                "Put the labels of one sentence into a list."
            )
        if len(labels) != len(others):
            raise ValueError(
                f"Expected {len(labels)} predicted labels in sentence {number} (counted from 0), "
                f"received {len(others)}."
            )


def _scores(found: int, right: int, n_predicted: int, n_gold: int) -> dict[str, float]:
    precision, _, _ = precision_recall_f1(right, n_predicted, n_gold)
    _, recall, _ = precision_recall_f1(found, n_predicted, n_gold)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": float(precision), "recall": float(recall), "f1": float(f1)}

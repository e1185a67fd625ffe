"""Lenient entity scores, overlap and type, with each entity used at most once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from clinicalbert_tf.metrics.spans import (
    Entity,
    Sentences,
    check_lengths,
    entities,
    scores_of_counts,
)


def overlap_scores(gold: Sentences, predicted: Sentences) -> dict:
    """Returns scores that count a prediction if it shares a token with any gold entity.

    At most one prediction counts per gold entity and the other way round; the largest such pairing
    is taken.

    Args:
        gold, predicted: lists of sentences of labels, of equal lengths.

    Returns:
        The form of `spans.exact_scores`. By type, recall counts the gold type, precision the
        predicted.
    """
    check_lengths(gold, predicted)
    return scores_of_entities(map(entities, gold), map(entities, predicted), same_type=False)


def type_scores(gold: Sentences, predicted: Sentences) -> dict:
    """Returns scores that count a prediction if it shares a token with a gold one of its type.

    Of the boundaries only the overlap is looked at (SemEval 2013's "type"), with the pairing of
    `overlap_scores`.
    """
    check_lengths(gold, predicted)
    return scores_of_entities(map(entities, gold), map(entities, predicted), same_type=True)


def pair_overlapping(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[tuple[int, int]]:
    """Pairs as many overlapping entities as possible, each used once.

    Args:
        gold, predicted: entities in order of position, without overlap on one side. Two lists in
            order allow the largest pairing in one pass: whatever ends first has no later partner.

    Returns:
        (gold index, predicted index) of each pair, in order.
    """
    pairs, i, j = [], 0, 0
    while i < len(gold) and j < len(predicted):
        (_, gold_start, gold_end), (_, start, end) = gold[i], predicted[j]
        if start < gold_end and gold_start < end:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif gold_end <= end:
            i += 1
        else:
            j += 1
    return pairs


def scores_of_entities(
    gold: Iterable[Sequence[Entity]], predicted: Iterable[Sequence[Entity]], same_type: bool
) -> dict:
    """Returns `type_scores` (same_type) or `overlap_scores` of sentences of entities in order."""
    n_gold, n_predicted, found, right = Counter(), Counter(), Counter(), Counter()
    for of_gold, of_predicted in zip(gold, predicted, strict=True):
        n_gold.update(entity[0] for entity in of_gold)
        n_predicted.update(entity[0] for entity in of_predicted)
        if not of_gold or not of_predicted:
            continue
        for some_gold, some_predicted in _groups(of_gold, of_predicted, same_type):
            for i, j in pair_overlapping(some_gold, some_predicted):
                found[some_gold[i][0]] += 1
                right[some_predicted[j][0]] += 1
    return scores_of_counts(n_gold, n_predicted, found, right)


def _groups(gold: list[Entity], predicted: list[Entity], same_type: bool):
    if not same_type:
        return [(gold, predicted)]
    groups = defaultdict(lambda: ([], []))
    for side, found in enumerate((gold, predicted)):
        for entity in found:
            groups[entity[0]][side].append(entity)
    return groups.values()

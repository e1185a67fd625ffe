"""Divides examples into train, dev and test: stratified, groups kept together, seeded."""

import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from clinicalbert_tf.datasets.classification.examples import SPLITS, Example, labels_of


def parse_fractions(text: str) -> tuple[float, float, float]:
    """Reads "0.8,0.1,0.1" or "80,10,10": the shares of train, dev and test.

    Raises:
        ValueError: not three numbers of 0 or more, or they do not add up to 1 or 100.
    """
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    total = math.fsum(shares)
    if len(shares) == 3 and min(shares) >= 0 and shares[0] > 0:
        for whole in (1.0, 100.0):
            if math.isclose(total, whole, rel_tol=1e-6):
                return tuple(share / whole for share in shares)
    raise ValueError(
        f"Expected fractions of train, dev and test that add up to 1, such as 0.8,0.1,0.1, "
        f"received {text!r}. Correct --do_split."
    )


def split_examples(
    examples: Sequence[Example], fractions: Sequence[float], seed: int
) -> dict[str, list[int]]:
    """Assigns every example to one split.

    Examples with the same group stay together; each example without one is a group of its own.
    Labels have about the same shares in every split: groups are taken in a shuffled order, the
    largest first, and go to the split that lacks most of their labels.

    Args:
        examples: all examples of one file.
        fractions: shares of train, dev and test; 0 for none.
        seed: the same seed and examples give the same splits.

    Returns:
        {"train", "dev", "test"}: places in `examples`, ascending; without a split of share 0.

    Raises:
        ValueError: there are fewer groups than splits.
    """
    groups = defaultdict(list)
    for place, example in enumerate(examples):
        key = ("group", example.group) if example.group is not None else ("example", place)
        groups[key].append(place)
    strata = [_strata(examples[place]) for place in range(len(examples))]
    totals = Counter(stratum for of_example in strata for stratum in of_example)
    names = [name for name, share in zip(SPLITS, fractions, strict=True) if share > 0]
    shares = [share for share in fractions if share > 0]
    # What each split still lacks of each label, and of examples.
    lacks = [{s: share * count for s, count in totals.items()} for share in shares]
    room = [share * len(examples) for share in shares]
    order = sorted(groups.values(), key=lambda places: places[0])
    random.Random(seed).shuffle(order)
    order.sort(key=len, reverse=True)
    chosen: list[list[list[int]]] = [[] for _ in names]
    for places in order:
        counts = Counter(stratum for place in places for stratum in strata[place])
        best = max(
            range(len(names)),
            key=lambda n: (sum(lacks[n][s] * c / totals[s] for s, c in counts.items()), room[n]),
        )
        chosen[best].append(places)
        room[best] -= len(places)
        for stratum, count in counts.items():
            lacks[best][stratum] -= count
    _fill_empty(chosen)
    _teach_every_label(chosen, strata)
    empty = [name for name, of_split in zip(names, chosen, strict=True) if not of_split]
    if empty:
        raise ValueError(
            f"Expected examples in every split, received {len(examples)} examples in {len(groups)} "
            f"groups, which leaves {' and '.join(empty)} empty. Give more data or fewer splits."
        )
    return {
        name: sorted(itertools.chain(*of_split))
        for name, of_split in zip(names, chosen, strict=True)
    }


def _fill_empty(chosen: list[list[list[int]]]) -> None:
    """Gives an empty split the last (smallest) group of the split with most groups."""
    for of_split in chosen:
        most = max(chosen, key=len)
        if not of_split and len(most) > 1:
            of_split.append(most.pop())


def _teach_every_label(chosen: list[list[list[int]]], strata: list[tuple[str, ...]]) -> None:
    """Moves groups to train whose labels it lacks: what was never seen cannot be predicted."""
    train, *others = chosen
    known = {stratum for places in train for place in places for stratum in strata[place]}
    for of_split in others:
        for places in list(of_split):
            labels = {stratum for place in places for stratum in strata[place]}
            if labels - known and len(of_split) > 1:
                of_split.remove(places)
                train.append(places)
                known |= labels


def _strata(example: Example) -> tuple[str, ...]:
    # Numbers are no strata; what has no label is one stratum.
    if isinstance(example.label, float):
        return ("number",)
    return labels_of(example) or ("",)

"""Cross-validation as the reference meant it: the test part is one of the folds.

Source: create_cv_examples and get_cv_examples of run_ner.py (Alsentzer et al. 2019).
"""

import dataclasses
import itertools
import math
import random

_SEED = 42


@dataclasses.dataclass(frozen=True)
class Fold:
    """One division of all sentences.

    Attributes:
        train, dev, test: numbers of sentences; training, dev and test sentences are numbered in
            this order, one after the other.
    """

    train: list[int]
    dev: list[int]
    test: list[int]


def cross_validation_folds(train_dev: int, test: int, folds: int = 10) -> list[Fold]:
    """The folds.

    Training and dev sentences are shuffled together and cut into all but one of the parts; the
    test sentences are the last part. In fold n part n is tested, the part before it is dev, and
    all others train: the last fold tests the original test sentences, the first one has them as
    its dev part, and in the others they train.

    Args:
        train_dev: number of training and dev sentences together.
        test: number of test sentences.
        folds: number of folds, at least 3.

    Raises:
        ValueError: there are fewer sentences than folds.
    """
    if folds < 3 or train_dev < folds - 1 or test < 1:
        raise ValueError(
            f"Expected at least 3 folds, a test sentence, and {max(folds, 3) - 1} training and dev "
            f"sentences for them, received {folds} folds, {test} and {train_dev} sentences. Use "
            "fewer folds."
        )
    numbers = list(range(train_dev))
    random.Random(_SEED).shuffle(numbers)
    size = math.ceil(train_dev / (folds - 1))
    parts = [numbers[start : start + size] for start in range(0, train_dev, size)]
    if len(parts) < folds - 1:
        # The reference stops here: rounded up, the parts run out before the folds do.
        parts = _even_parts(numbers, folds - 1)
    parts.append(list(range(train_dev, train_dev + test)))
    return [_fold(parts, number) for number in range(folds)]


def _even_parts(numbers: list[int], count: int) -> list[list[int]]:
    ends = [len(numbers) * place // count for place in range(count + 1)]
    return [numbers[a:b] for a, b in itertools.pairwise(ends)]


def _fold(parts: list[list[int]], number: int) -> Fold:
    count = len(parts)
    before, behind = (number - 1) % count, (number + 1) % count
    used = parts[:before] + parts[behind:] if behind > before else parts[behind:before]
    train = [place for part in used for place in part]
    return Fold(train, parts[before], parts[number])

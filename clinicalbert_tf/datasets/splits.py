"""Train and dev parts that share no patient and no document."""

import random
from collections.abc import Iterable, Sequence

from clinicalbert_tf.datasets.documents import Document


def split_groups(groups: Iterable[str], fraction: float, seed: int) -> tuple[set[str], set[str]]:
    """Divides groups at random.

    Args:
        groups: names, in any order and number.
        fraction: share of the first part, in 0 to 1; it is rounded down, and leaves the second
            part at least one group if there are two.
        seed: decides who goes where, with the names alone (not with their order).

    Returns:
        The names of the first and of the second part.

    Raises:
        ValueError: the fraction lies outside 0 to 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(
            f"Expected a fraction above 0 and up to 1 for the training part, received {fraction}."
        )
    names = sorted(set(groups))
    random.Random(seed).shuffle(names)
    cut = max(1, int(fraction * len(names)))
    return set(names[:cut]), set(names[cut:])


def split_documents(
    documents: Sequence[Document], fraction: float, seed: int
) -> tuple[list[Document], list[Document]]:
    """Divides documents by patient if they have one, else by document; keeps their order."""

    def group(document: Document) -> str:
        return document.patient_id or document.note_id

    first, _ = split_groups(map(group, documents), fraction, seed)
    return (
        [document for document in documents if group(document) in first],
        [document for document in documents if group(document) not in first],
    )

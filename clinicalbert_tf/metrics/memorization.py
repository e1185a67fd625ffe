"""What losses say of what a model remembers."""

import math
from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.metrics.ranking import auroc


def membership_auroc(members: Sequence[float], others: Sequence[float]) -> float:
    """Returns how well a score tells texts of the training set from others.

    Args:
        members: scores of texts that were trained on, higher where the model expects the text more.
        others: scores of texts like them that were not.

    Returns:
        The area under the receiver operating characteristic; 0.5 tells nothing apart.

    Raises:
        UndefinedMetricError: either side is empty.

    Source: Yeom et al. 2018, Privacy risk in machine learning, section 3.
    """
    targets = np.concatenate([np.ones(len(members)), np.zeros(len(others))])
    return auroc(targets, np.concatenate([np.asarray(members, float), np.asarray(others, float)]))


def exposure(score: float, candidates: Sequence[float]) -> float:
    """Returns the exposure of a secret, in bits.

    Args:
        score: of the text with the secret, higher where the model expects it more.
        candidates: scores of the same text with other secrets of the same form.

    Returns:
        log2(candidates + 1) - log2(rank of the secret): 0 if every other one is expected more,
        log2(candidates + 1) if none is. Of equal scores the secret comes last.

    Raises:
        ValueError: there are no candidates.

    Source: Carlini et al. 2019, The secret sharer, definition 2.
    """
    if not len(candidates):
        raise ValueError("Expected at least one candidate to rank a secret among, received none.")
    rank = 1 + int(np.sum(np.asarray(candidates) >= score))
    return math.log2(len(candidates) + 1) - math.log2(rank)

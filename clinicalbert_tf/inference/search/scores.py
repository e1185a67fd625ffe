"""Cosines by blocks of vectors, and the best of them."""

import numpy as np

# Small enough that NumPy's library takes one thread: more of them wait for the memory all the same,
# busily, and cost two to four times the processor time.
BLOCK = 1 << 9


def cosines(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """The cosine of every vector with a query.

    Args:
        vectors: float32 array [vectors, size] of unit vectors, often mapped from a file.
        query: float32 array [size], a unit vector.

    Returns:
        float32 array [vectors], from -1 to 1.
    """
    found = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        np.dot(block, query, out=found[start : start + len(block)])
    return np.clip(found, -1.0, 1.0, out=found)


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """The places of the largest scores, the best first, equal ones by place.

    Args:
        scores: float array [n]; -inf is never returned.
        count: how many at most.

    Returns:
        int array [at most count].
    """
    count = min(count, len(scores))
    if count <= 0:
        return np.zeros(0, np.int64)
    limit = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > limit)
    # Of those with the last score the first ones, whatever the partition found.
    places = np.concatenate([above, np.flatnonzero(scores == limit)[: count - len(above)]])
    places = places[scores[places] > -np.inf]
    return places[np.lexsort((places, -scores[places]))]

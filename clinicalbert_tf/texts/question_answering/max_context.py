"""Which of several overlapping windows sees a wordpiece with the most context."""

from collections.abc import Sequence

import numpy as np


def best_windows(starts: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
    """The window in which each wordpiece has its maximum context.

    Args:
        starts: first wordpiece of each window; the windows leave no gap.
        lengths: wordpieces of each window.

    Returns:
        int32 [wordpieces], a window's number: the one with the largest smaller distance to an
        edge (plus a hundredth of the window's length); the earlier one of two equals.

    Source: _check_is_max_context of the BERT reference's run_squad.py.
    """
    count = max((start + length for start, length in zip(starts, lengths, strict=True)), default=0)
    best_score = np.full(count, -1.0)
    best = np.zeros(count, np.int32)
    for number, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        places = np.arange(length)
        score = np.minimum(places, places[::-1]) + 0.01 * length
        inside = slice(start, start + length)
        better = score > best_score[inside]
        best_score[inside][better] = score[better]
        best[inside][better] = number
    return best

"""From the logits of chunks to one row of logits per document."""

import numpy as np

from clinicalbert_tf.metrics import documents

# Probabilities are kept off 0 and 1 by this, so that their logits are finite.
_LEAST = 1e-12


def vote_logits(
    logits: np.ndarray, document: np.ndarray, problem_type: str, rule: str, c: float
) -> np.ndarray:
    """Joins the chunks of each document.

    Args:
        logits: float [chunks, labels].
        document: int [chunks], the document of each chunk, from 0 and in order.
        problem_type: "single" (softmax) or "multi" (sigmoid); the numbers of a "regression" are
            joined as they are.
        rule: "paper", "mean" or "max"; c: see metrics.documents.vote.

    Returns:
        float64 [documents, labels] whose softmax (sigmoid) is what the vote gives. For two labels
        the second one's probability is voted on, as in the paper; for more, each label's, and they
        are divided by their sum.
    """
    names = [str(place) for place in document]
    if problem_type == "regression":
        return _votes(logits, names, rule, c)
    if problem_type == "multi":
        return log_odds(_votes(1 / (1 + np.exp(-np.asarray(logits, float))), names, rule, c))
    probabilities = softmax(logits)
    if probabilities.shape[1] == 2:
        positive = _votes(probabilities[:, 1:], names, rule, c)
        return two_logits(positive[:, 0])
    voted = _votes(probabilities, names, rule, c)
    return np.log(np.maximum(voted / voted.sum(axis=1, keepdims=True), _LEAST))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, float64 [rows, labels]."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Logits of probabilities, each for itself."""
    kept = np.clip(probabilities, _LEAST, 1 - _LEAST)
    return np.log(kept) - np.log1p(-kept)


def two_logits(positive: np.ndarray) -> np.ndarray:
    """Logits [rows, 2] whose softmax gives the second label a probability."""
    kept = np.clip(positive, _LEAST, 1 - _LEAST)
    return np.stack([np.log1p(-kept), np.log(kept)], axis=1)


def _votes(values: np.ndarray, names: list[str], rule: str, c: float) -> np.ndarray:
    return np.stack([documents.vote(names, column, rule, c)[1] for column in values.T], axis=1)

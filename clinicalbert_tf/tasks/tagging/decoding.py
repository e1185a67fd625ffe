"""Scores of labels -> the labels of words: Viterbi under BIO's rules and a CRF's scores."""

from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.modeling.viterbi import Succession, decode
from clinicalbert_tf.texts.tags import allowed_transitions


class LabelDecoder:
    """Decodes sequences of words.

    Args:
        labels: the labels by id.
        constrained: whether only valid BIO comes out; otherwise I- may follow anything.
        crf: begin [labels], follow [labels, labels] and end [labels] of a CRF; None for none.

    Attributes:
        labels: the labels by id.
        succession: the scores of labels that follow one another.
    """

    def __init__(
        self,
        labels: Sequence[str],
        constrained: bool = True,
        crf: Sequence[np.ndarray] | None = None,
    ):
        self.labels = tuple(labels)
        succession = Succession.none(len(labels)) if crf is None else Succession(*crf)
        if constrained:
            succession = succession.constrained(*allowed_transitions(labels))
        self.succession = succession

    def decode(self, scores: np.ndarray) -> tuple[list[str], np.ndarray]:
        """Decodes one sequence.

        Args:
            scores: float [words, labels], the model's logits.

        Returns:
            labels: one per word.
            probabilities: float [words], the softmax of each label's own score.
        """
        ids = decode(scores, self.succession)
        return [self.labels[label] for label in ids], chosen_probabilities(scores, ids)


def chosen_probabilities(scores: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """The softmax probabilities of chosen labels: float [words].

    Args:
        scores: float [words, labels].
        ids: the label of each word.
    """
    shifted = np.exp(scores - scores.max(-1, keepdims=True, initial=-np.inf))
    return shifted[np.arange(len(ids)), list(ids)] / shifted.sum(-1)

"""Integrated gradients: how much each wordpiece speaks for a label.

Source: Axiomatic Attribution for Deep Networks (Sundararajan et al. 2017).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.inference.seeing.encoder import embed_tokens, encode
from clinicalbert_tf.inference.seeing.windows import TextWindow

# Points of the path that go through the model at once.
_POINTS_PER_BATCH = 16


@dataclasses.dataclass(frozen=True)
class Attribution:
    """What the score of a label rests on, in one window.

    Attributes:
        values: float64 [length], one per token; positive speaks for the label.
        score: log-odds of the label for the window (the output itself for a single output).
        baseline_score: the same if every wordpiece is [PAD].
        probability: of the label.
        steps: points of the path.
    """

    values: np.ndarray
    score: float
    baseline_score: float
    probability: float
    steps: int

    @property
    def completeness_gap(self) -> float:
        """What is missing until the values add up to score - baseline_score; 0 if exact."""
        return float(self.values.sum() - (self.score - self.baseline_score))


class IntegratedGradients:
    """Attributes a classifier's score to wordpieces.

    The path leads from the embedding of [PAD] in place of every wordpiece ([CLS] and [SEP] stay) to
    the text's own token embeddings, in a straight line; the gradient is taken in the middle of
    `steps` equal pieces of it.

    Args:
        model: a BertClassifier.
        pad_id: id of [PAD].
        multi: whether each label has a probability of its own (sigmoid), or all one (softmax).
        steps: pieces of the path; more make the completeness gap smaller.
    """

    def __init__(self, model, pad_id: int, multi: bool = False, steps: int = 64):
        if steps < 1:
            raise ValueError(f"Expected steps of at least 1, received {steps}.")
        self._model, self._pad_id, self._multi, self.steps = model, pad_id, multi, steps

    def attribute(self, window: TextWindow, label: int) -> Attribution:
        """Attributes the score of one label.

        Args:
            window: the text's window.
            label: the label's id.
        """
        import tensorflow as tf

        backbone = self._model.backbone
        own = embed_tokens(backbone, window.token_ids[None, :])
        at_baseline = window.token_ids.copy()
        at_baseline[1:-1] = self._pad_id
        baseline = embed_tokens(backbone, at_baseline[None, :])
        difference = own - baseline
        gradient = np.zeros(own.shape[1:], np.float64)
        places = (np.arange(self.steps) + 0.5) / self.steps
        for chosen in np.array_split(places, -(-self.steps // _POINTS_PER_BATCH)):
            points = baseline + chosen[:, None, None].astype(np.float32) * difference
            with tf.GradientTape() as tape:
                tape.watch(points)
                score = tf.reduce_sum(self._scores(points, label))
            gradient += tf.reduce_sum(tape.gradient(score, points), axis=0).numpy()
        values = (gradient / self.steps * difference[0].numpy()).sum(axis=1)
        first, last = (float(self._scores(point, label)[0]) for point in (baseline, own))
        probability = float(self._probabilities(own)[label])
        return Attribution(values, last, first, probability, self.steps)

    def probabilities(self, window: TextWindow) -> np.ndarray:
        """The window's probabilities, float64 [labels]."""
        return self._probabilities(embed_tokens(self._model.backbone, window.token_ids[None, :]))

    def _logits(self, points):
        batch, length = points.shape[:2]
        ones = np.ones((batch, length), np.int32)
        pooled, _ = encode(self._model.backbone, points, np.zeros_like(ones), ones)
        return self._model.head(pooled)

    def _scores(self, points, label: int):
        import tensorflow as tf

        logits = self._logits(points)
        if self._multi or logits.shape[-1] == 1:
            return logits[:, label]
        others = tf.concat([logits[:, :label], logits[:, label + 1 :]], axis=-1)
        return logits[:, label] - tf.reduce_logsumexp(others, axis=-1)

    def _probabilities(self, points) -> np.ndarray:
        logits = np.asarray(self._logits(points)[0], np.float64)
        if self._multi or len(logits) == 1:
            return 1 / (1 + np.exp(-logits))
        exponentials = np.exp(logits - logits.max())
        return exponentials / exponentials.sum()


def merge_windows(windows: Sequence[TextWindow], attributions: Sequence[Attribution]) -> list[dict]:
    """The tokens of a whole text with their values, each from the window that it belongs to.

    Returns:
        One {"token", "start", "end", "attribution", "window"} per wordpiece; start and end are
        characters of the text.
    """
    merged = []
    for number, (window, attribution) in enumerate(zip(windows, attributions, strict=True)):
        for place in range(*window.owned):
            start, end = window.offsets[place]
            merged.append(
                {
                    "token": window.tokens[place],
                    "start": start,
                    "end": end,
                    "attribution": float(attribution.values[place]),
                    "window": number,
                }
            )
    return merged

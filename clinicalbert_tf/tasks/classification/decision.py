"""From logits to probabilities and labels: temperature and threshold, chosen on dev."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

_TEMPERATURES = (0.05, 20.0)


@dataclasses.dataclass(frozen=True)
class Decision:
    """How logits become probabilities and labels.

    Attributes:
        problem_type: "single", "multi" or "regression".
        labels: in the order of their ids; () for regression.
        temperature: what logits are divided by.
        threshold: least probability of `positive_label` for it to be predicted, for two labels; of
            each label, for problem type "multi".
        positive_label: the label that the threshold is of; None unless there are two.
    """

    problem_type: str
    labels: tuple[str, ...]
    temperature: float = 1.0
    threshold: float = 0.5
    positive_label: str | None = None

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of the labels: float64 [examples, labels]; the numbers of a regression."""
        logits = np.asarray(logits, np.float64)
        if self.problem_type == "regression":
            return logits[:, 0]
        scaled = logits / self.temperature
        if self.problem_type == "multi":
            return 1.0 / (1.0 + np.exp(-np.clip(scaled, -700.0, 700.0)))
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Label ids, int64 [examples], or bool [examples, labels] for problem type "multi"."""
        if self.problem_type == "multi":
            return probabilities >= self.threshold
        if self.positive_label is None or self.threshold == 0.5:
            # Of equal probabilities the first label's, as in the reference.
            return probabilities.argmax(axis=1)
        positive = self.labels.index(self.positive_label)
        return np.where(probabilities[:, positive] >= self.threshold, positive, 1 - positive)

    def to_json(self) -> dict:
        """What labels.json keeps."""
        return {
            "temperature": self.temperature,
            "threshold": self.threshold,
            "positive_label": self.positive_label,
        }


def decision_of(problem_type: str, labels: Sequence[str], kept: dict) -> Decision:
    """The decision that labels.json kept; the plain one if it kept none."""
    return Decision(
        problem_type,
        tuple(labels),
        float(kept.get("temperature", 1.0)),
        float(kept.get("threshold", 0.5)),
        kept.get("positive_label"),
    )


def fit_temperature(problem_type: str, logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature of the least cross entropy, between 0.05 and 20.

    Args:
        problem_type: "single" or "multi".
        logits: float [examples, labels].
        targets: int label ids [examples], or 0 and 1 [examples, labels].

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        scaled = np.asarray(logits, np.float64) / math.exp(log_temperature)
        if problem_type == "multi":
            return float(np.mean(np.logaddexp(0.0, scaled) - targets * scaled))
        top = scaled.max(axis=1)
        log_sums = top + np.log(np.exp(scaled - top[:, np.newaxis]).sum(axis=1))
        return float(np.mean(log_sums - scaled[np.arange(len(targets)), targets]))

    bounds = tuple(map(math.log, _TEMPERATURES))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return math.exp(found.x) if found.fun < loss(0.0) else 1.0


def fit_threshold(
    scores: np.ndarray, value_of: Callable[[float], float], at_most: int = 200
) -> float:
    """The threshold with the highest value; of equal ones the nearest to 0.5, which wins ties.

    Args:
        scores: the dev examples' probabilities of the positive label, or of all labels, any shape.
        value_of: from a threshold to the dev value of the metric that decides.
        at_most: thresholds tried; quantiles if there are more different scores.
    """
    different = np.unique(scores)
    middles = (different[1:] + different[:-1]) / 2
    if len(middles) > at_most:
        middles = np.quantile(middles, np.linspace(0, 1, at_most))
    best = (value_of(0.5), 0.0, 0.5)
    for threshold in middles:
        value = value_of(float(threshold))
        candidate = (value, -abs(float(threshold) - 0.5), float(threshold))
        if candidate[:2] > best[:2]:
            best = candidate
    return best[2]

"""Temperature and threshold, chosen on the dev examples."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.metrics import multi_label
from clinicalbert_tf.tasks.classification.decision import (
    Decision,
    fit_temperature,
    fit_threshold,
)
from clinicalbert_tf.tasks.classification.scores import score_split
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings

# Figures that depend on the threshold.
_OF_DECISIONS = ("accuracy", "f1", "f1_micro", "f1_macro")


def choose_decision(
    decision: Decision,
    settings: ClassificationSettings,
    logits: np.ndarray,
    targets: np.ndarray,
    metric: str,
    counted: Sequence[str] | None = None,
) -> Decision:
    """The decision with the temperature and threshold that the settings ask to choose.

    Args:
        decision: what they replace.
        settings: `calibrate` and `tune_threshold`.
        logits: float [examples, labels] of the dev examples.
        targets, counted: see scores.score_split.
        metric: the figure that decides.
    """
    if decision.problem_type == "regression":
        return decision
    if settings.calibrate:
        temperature = fit_temperature(decision.problem_type, logits, targets)
        decision = dataclasses.replace(decision, temperature=temperature)
    has_threshold = decision.problem_type == "multi" or decision.positive_label is not None
    if not (settings.tune_threshold and has_threshold):
        return decision
    return with_threshold(decision, decision.probabilities(logits), targets, metric, counted)


def with_threshold(
    decision: Decision,
    probabilities: np.ndarray,
    targets: np.ndarray,
    metric: str,
    counted: Sequence[str] | None = None,
) -> Decision:
    """The decision with the threshold that is best on the dev examples.

    Args:
        decision: of two labels, or of several labels per example.
        probabilities, targets, counted: see scores.score_split.
        metric: the figure that decides; macro F1 if it does not depend on the threshold.
    """
    metric = metric if metric in _OF_DECISIONS else "f1_macro"

    def value_of(threshold: float) -> float:
        tried = dataclasses.replace(decision, threshold=threshold)
        value = _value_of(tried, targets, probabilities, metric, counted)
        return -1.0 if value is None else value

    scores = probabilities
    if decision.positive_label is not None:
        scores = probabilities[:, decision.labels.index(decision.positive_label)]
    return dataclasses.replace(decision, threshold=fit_threshold(scores, value_of, at_most=50))


def _value_of(decision: Decision, targets, probabilities, metric: str, counted) -> float | None:
    """One figure that depends on the threshold; quick enough to try many of them."""
    if decision.problem_type == "multi":
        predicted = decision.decide(probabilities)
        # Without probabilities no ranking is computed, which no threshold changes.
        return multi_label.scores(decision.labels, targets.astype(bool), predicted)[metric]
    return score_split(decision, targets, probabilities, counted)[metric]

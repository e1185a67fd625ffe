"""Labelled examples as the arrays that the engine trains on."""

from collections.abc import Sequence

import numpy as np

from clinicalbert_tf.datasets.classification.examples import Example, Split
from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.tasks.classification.objective import HAS_TARGET, TARGETS
from clinicalbert_tf.texts.pair_features import TextFeatures, make_features
from tfrecords_builder.tokenization import BertTokenizer


def make_source(
    split: Split,
    labels: Sequence[str],
    problem_type: str,
    tokenizer: BertTokenizer,
    max_seq_length: int,
    rule: str,
) -> ArraySource:
    """The examples of a split, tokenized.

    Args:
        split: the examples.
        labels: in the order of their ids; () for regression.
        problem_type: "single", "multi" or "regression".
        tokenizer: the model's.
        max_seq_length, rule: see texts.pair_features.make_features.
    """
    features = make_features(
        tokenizer,
        [example.text_a for example in split.examples],
        [example.text_b for example in split.examples],
        max_seq_length,
        rule,
    )
    return ArraySource(
        sequences_of(features),
        target_arrays(split.examples, labels, problem_type),
        max_seq_length,
        [counts.path for counts in split.counts] or [split.path],
    )


def sequences_of(features: Sequence[TextFeatures]) -> dict[str, list[np.ndarray]]:
    """Features by the engine's names."""
    return {
        "token_ids": [made.token_ids for made in features],
        "segment_ids": [made.segment_ids for made in features],
    }


def target_arrays(
    examples: Sequence[Example], labels: Sequence[str], problem_type: str
) -> dict[str, np.ndarray]:
    """Targets as ClassificationObjective takes them, and which examples have one."""
    has_target = np.array([example.label is not None for example in examples], np.float32)
    if problem_type == "regression":
        targets = np.array([example.label or 0.0 for example in examples], np.float32)
        return {TARGETS: targets, HAS_TARGET: has_target}
    places = {label: place for place, label in enumerate(labels)}
    if problem_type == "single":
        targets = np.array([places.get(example.label, -1) for example in examples], np.int32)
        return {TARGETS: targets, HAS_TARGET: has_target}
    targets = np.zeros((len(examples), len(labels)), np.float32)
    for row, example in enumerate(examples):
        targets[row, [places[label] for label in example.label or ()]] = 1.0
    return {TARGETS: targets, HAS_TARGET: has_target}

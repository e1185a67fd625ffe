"""Weights of classes in the loss: --class_weights=balanced or a=1,b=3."""

from collections import Counter
from collections.abc import Sequence

from clinicalbert_tf.datasets.classification.examples import Example, labels_of
from clinicalbert_tf.datasets.named_weights import named_weights


def parse_class_weights(
    text: str, labels: Sequence[str], examples: Sequence[Example]
) -> tuple[float, ...]:
    """The weight of each label.

    Args:
        text: "" for 1 each; "balanced" for weights that make every class count the same (the number
            of examples over the number of classes and the class's own count, scikit-learn's rule);
            or "LABEL=WEIGHT,..." (labels that are left out have weight 1).
        labels: in the order of their ids.
        examples: the training examples.

    Raises:
        ValueError: a label is unknown or repeated, a weight is no positive number, or a class to be
            balanced has no training example.
    """
    if not text:
        return (1.0,) * len(labels)
    if text == "balanced":
        counts = Counter(label for example in examples for label in labels_of(example))
        missing = [label for label in labels if not counts[label]]
        if missing:
            raise ValueError(
                f"Expected training examples of every class for --class_weights=balanced, received "
                f"none of {', '.join(missing)}. Name the weights, or leave the flag out."
            )
        total = sum(counts.values())
        return tuple(total / (len(labels) * counts[label]) for label in labels)
    return named_weights(text, labels, "class_weights")

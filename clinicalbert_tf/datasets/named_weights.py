"""Weights of labels as a flag names them: a=1,b=3."""

from collections.abc import Sequence


def named_weights(text: str, labels: Sequence[str], flag: str) -> tuple[float, ...]:
    """The weight of each label, 1 for those that are left out.

    Args:
        text: "LABEL=WEIGHT,...".
        labels: in the order of their ids.
        flag: the name of the flag that says it, which may say "balanced" as well.

    Raises:
        ValueError: a label is unknown or repeated, or a weight is no positive number.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        # Labels may hold "=": the weight stands behind the last one.
        label, _, number = part.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = 0.0
        if label not in labels or label in weights or not 0 < weight < float("inf"):
            raise ValueError(
                f"Expected --{flag} to be balanced or LABEL=WEIGHT,... with the labels "
                f"{', '.join(labels)} and positive weights, received {part!r}."
            )
        weights[label] = weight
    return tuple(weights.get(label, 1.0) for label in labels)

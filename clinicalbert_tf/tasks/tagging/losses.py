"""The names of the losses of a tagger, and what they need of a model."""

LOSSES = ("words", "reference")
# Ids of the reference that are no label of a word: padding before them; X, [CLS], [SEP] behind.
BEFORE_LABELS, BEHIND_LABELS = 1, 3


def number_of_outputs(labels: int, loss: str) -> int:
    """The columns of a tagger's head for so many labels of words."""
    return labels + (BEFORE_LABELS + BEHIND_LABELS if loss == "reference" else 0)

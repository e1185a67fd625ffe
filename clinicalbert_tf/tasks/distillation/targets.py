"""What a teacher's outputs are, per kind of head: how a student is compared with them."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from clinicalbert_tf.tasks.distillation.soft_losses import (
    soft_binary_cross_entropy,
    soft_cross_entropy,
    squared_error,
)

TEACHER = "teacher_"


@dataclasses.dataclass(frozen=True)
class SoftTarget:
    """The outputs of a head as soft targets.

    Attributes:
        outputs: names of the model's outputs.
        per_position: whether their second axis is the tokens'.
        loss: (student, teacher, temperature) -> float32 of the outputs' shape without its last
            axis.
        over_positions: whether a distribution is over the positions of an example instead of over
            the last axis of each position.
    """

    outputs: tuple[str, ...]
    per_position: bool
    loss: Callable = dataclasses.field(repr=False)
    over_positions: bool = False

    def losses(self, outputs, batch, temperature: float) -> tf.Tensor:
        """float32 [batch] or, for a tagger, [batch, length]: the mean over `outputs`.

        Args:
            outputs: the student's.
            batch: features, the teacher's outputs among them under "teacher_NAME".
            temperature: divides both logits.
        """
        total = 0.0
        for name in self.outputs:
            student, teacher = outputs[name], batch[TEACHER + name]
            if self.over_positions:
                mask = batch["padding_mask"] > 0
                total += soft_cross_entropy(student, teacher, temperature, mask)
            else:
                total += self.loss(student, teacher, temperature)
        return total / len(self.outputs)


_CLASSIFIERS = {
    "single": soft_cross_entropy,
    "multi": soft_binary_cross_entropy,
    "regression": squared_error,
}


def soft_target(head: str, problem_type: str | None = None) -> SoftTarget:
    """The soft target of a head.

    Args:
        head: "classifier", "tagger", "crf_tagger" (its logits before the CRF) or "span".
        problem_type: of a classifier: "single", "multi" or "regression".

    Raises:
        ValueError: there is no such head.
    """
    if head == "classifier":
        return SoftTarget(("logits",), False, _CLASSIFIERS[problem_type or "single"])
    if head in ("tagger", "crf_tagger"):
        return SoftTarget(("logits",), True, soft_cross_entropy)
    if head == "span":
        return SoftTarget(("start_logits", "end_logits"), True, soft_cross_entropy, True)
    raise ValueError(f"Expected a classifier, tagger or span model, received {head!r}.")

"""What a call of distill asks for: a distillation, and settings of the task that is learnt."""

import json
from collections.abc import Sequence
from typing import Any

from clinicalbert_tf.tasks.distillation.settings import DistillationSettings


class Asked:
    """What is asked for, before the teacher's task and so its settings are known.

    Args:
        distillation: how the student learns.
        given: settings of the run by name; the others are those of the teacher's run.
    """

    def __init__(self, distillation: DistillationSettings, given: dict[str, Any]):
        self.distillation = distillation
        self.given = given
        self.output_dir = given["output_dir"]
        self.strategy = given.get("strategy", "one_device")
        self.report = given.get("report", True)

    def doubts(self) -> list[str]:
        """None: the task's settings are not known yet."""
        return []


def layers_given(values: Sequence[str]) -> tuple[int, ...]:
    """The layers of --layers.

    Raises:
        ValueError: one is no number.
    """
    try:
        return tuple(int(value) for value in values)
    except ValueError:
        raise ValueError(
            f"Expected --layers to be numbers such as 0,2,4, received {','.join(values)!r}."
        ) from None


def replaced_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """The settings of --set NAME=VALUE by name; a value is JSON, or else a string.

    Raises:
        ValueError: one is no such pair.
    """
    replaced = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ValueError(f"Expected --set NAME=VALUE, received {pair!r}. Correct the flag.")
        try:
            replaced[name] = json.loads(value)
        except json.JSONDecodeError:
            replaced[name] = value
    return replaced

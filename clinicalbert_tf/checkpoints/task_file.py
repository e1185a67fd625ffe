"""labels.json: what a fine-tuned model is for, beside its weights."""

import dataclasses
import os
from typing import Any

from clinicalbert_tf.checkpoints.text_files import json_bytes, read_json
from tfrecords_builder.files import write_private

NAME = "labels.json"
PROBLEM_TYPES = ("single", "multi", "regression")
TASK_HEADS = ("classifier", "tagger", "crf_tagger", "span")


@dataclasses.dataclass(frozen=True)
class TaskDescription:
    """What a fine-tuned model is for.

    Attributes:
        head: "classifier", "tagger", "crf_tagger" or "span"; see modeling.
        labels: names of the head's outputs in id order; () for a span model.
        problem_type: of a classifier: "single" (one label per example), "multi" (any number) or
            "regression"; None for the other heads.
        task: name of the task that it was trained on, None if unknown.
        do_lower_case: the casing of its texts, None if the vocabulary tells.
        max_seq_length: tokens of the longest sequence that it was trained on, None if unknown.
        settings: what else a use of the model needs, for example a threshold; JSON values.

    Raises:
        ValueError: no such head or problem type, labels twice, or none where the head needs them.
    """

    head: str
    labels: tuple[str, ...] = ()
    problem_type: str | None = None
    task: str | None = None
    do_lower_case: bool | None = None
    max_seq_length: int | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.head not in TASK_HEADS:
            raise ValueError(
                f"Expected head to be one of {', '.join(TASK_HEADS)}, received {self.head!r}."
            )
        if self.problem_type not in (*PROBLEM_TYPES, None):
            raise ValueError(
                f"Expected problem_type to be one of {', '.join(PROBLEM_TYPES)}, received "
                f"{self.problem_type!r}."
            )
        object.__setattr__(self, "labels", tuple(self.labels))
        if not all(isinstance(label, str) for label in self.labels):
            raise ValueError("Expected labels that are strings, received other values.")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"Expected every label once, received {', '.join(self.labels)}.")
        if bool(self.labels) == (self.head == "span"):
            raise ValueError(
                f"Expected {'no' if self.labels else 'the'} labels of a {self.head}, received "
                f"{len(self.labels)}."
            )


def write_task(folder: str, task: TaskDescription) -> None:
    """Writes labels.json (0600) into a model's folder."""
    write_private(os.path.join(folder, NAME), json_bytes(dataclasses.asdict(task)))


def read_task(folder: str) -> TaskDescription | None:
    """Reads labels.json; None if a folder has none.

    Raises:
        ValueError: the file is damaged or says what no model can have.
    """
    path = os.path.join(folder, NAME)
    if not os.path.isfile(path):
        return None
    values = read_json(path)
    known = {field.name for field in dataclasses.fields(TaskDescription)}
    try:
        return TaskDescription(**{key: value for key, value in values.items() if key in known})
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: expected the head and labels of a fine-tuned model, received something else "
            f"({error}). Copy the file again from the run that wrote it."
        ) from None

"""What a fine-tuned Hugging Face folder is for: the class of its head and its labels."""

from collections.abc import Mapping
from typing import Any

from clinicalbert_tf.checkpoints.task_file import TaskDescription

# The classes of transformers whose heads are the reference's.
HEAD_OF_CLASS = {
    "BertForSequenceClassification": "classifier",
    "BertForTokenClassification": "tagger",
    "BertForQuestionAnswering": "span",
}
CLASS_OF_HEAD = {
    **{head: name for name, head in HEAD_OF_CLASS.items()},
    "crf_tagger": "BertForTokenClassification",
}
_PROBLEM_TYPES = {
    "single_label_classification": "single",
    "multi_label_classification": "multi",
    "regression": "regression",
}
PROBLEM_TYPE_NAMES = {ours: theirs for theirs, ours in _PROBLEM_TYPES.items()}
_WEIGHTS = {
    "classifier": "output_weights",
    "tagger": "output_weights",
    "span": "cls/squad/output_weights",
}


def task_from_huggingface(
    values: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], path: str
) -> TaskDescription | None:
    """Reads head and labels of a config.json.

    Args:
        values: its contents.
        shapes: shapes of the source's tensors by the reference's names.
        path: what to call the configuration in an error.

    Returns:
        The task; None for a class without one of these heads, or if its weights are not there.

    Raises:
        ValueError: the labels do not fit the head's weights, or a label stands there twice.
    """
    classes = [
        HEAD_OF_CLASS[name] for name in values.get("architectures") or [] if name in HEAD_OF_CLASS
    ]
    head = classes[0] if classes else None
    if head is None and "cls/squad/output_weights" in shapes:
        head = "span"
    if head is None or _WEIGHTS[head] not in shapes:
        return None
    if head == "span":
        return TaskDescription(head)
    labels = _labels(values, shapes[_WEIGHTS[head]][0], path)
    try:
        return TaskDescription(head, labels, _problem_type(values, head, len(labels)))
    except ValueError as error:
        raise ValueError(f"{path}: {error} Correct id2label.") from None


def _problem_type(values: Mapping[str, Any], head: str, num_labels: int) -> str | None:
    if head != "classifier":
        return None
    # transformers, too, takes one output for a regression if problem_type is not there.
    unsaid = "regression" if num_labels == 1 else "single"
    return _PROBLEM_TYPES.get(values.get("problem_type") or "", unsaid)


def _labels(values: Mapping[str, Any], count: int, path: str) -> tuple[str, ...]:
    """id2label in id order; LABEL_0, LABEL_1, ... as in transformers if it is not there."""
    default = tuple(f"LABEL_{number}" for number in range(count))
    names = values.get("id2label")
    if not isinstance(names, dict):
        return default
    try:
        rows = {int(key): str(name) for key, name in names.items()}
    except ValueError:
        rows = {}
    labels = tuple(rows[row] for row in sorted(rows))
    # transformers fills in two of these, whatever the head has.
    if all(label == f"LABEL_{row}" for row, label in enumerate(labels)):
        return default
    if sorted(rows) != list(range(count)):
        raise ValueError(
            f"{path}: expected id2label with the ids 0 to {count - 1} of the head's {count} "
            f"outputs, received {len(names)} entries. Give the config.json of these weights."
        )
    return labels

"""A fine-tuned model from the folder of its run, or from any folder that holds one."""

import dataclasses
import os
from collections.abc import Sequence

from absl import logging

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.into_model import build_task_model, restore_into
from clinicalbert_tf.checkpoints.source import CheckpointSource
from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.checkpoints.vocabulary_check import check_vocabulary, settle_casing
from tfrecords_builder.tokenization import BertTokenizer


@dataclasses.dataclass(frozen=True)
class FineTunedModel:
    """A model that was fine-tuned, with all that using it needs.

    Attributes:
        model: encoder and task head; see clinicalbert_tf.modeling.
        tokenizer: its vocabulary in its casing.
        task: what it is for: head, labels, settings.
        source: what was read.
    """

    model: object
    tokenizer: BertTokenizer
    task: TaskDescription
    source: CheckpointSource

    @property
    def max_seq_length(self) -> int:
        """Tokens of the longest sequence: as it was trained, or what its positions allow."""
        return self.task.max_seq_length or self.source.config.max_position_embeddings


def load_fine_tuned(path: str | os.PathLike, do_lower_case: bool | None = None) -> FineTunedModel:
    """Loads a fine-tuned model of any format.

    Args:
        path: a run's folder, its best/, or another folder or archive with a task head.
        do_lower_case: the casing; None for the model's own.

    Raises:
        FileNotFoundError: there is no model, or no vocabulary.
        ValueError: the model has no task head, or its files do not fit each other.
    """
    source = open_checkpoint(path)
    if source.task is None:
        raise ValueError(
            f"{source.path}: expected a fine-tuned model, received one without a task head. Give "
            "the folder of a run, or fine-tune it first."
        )
    check_vocabulary(source)
    source = settle_casing(source, do_lower_case)
    # Late, so that a wrong path is said at once and not after TensorFlow's start.
    from clinicalbert_tf.modeling import build_backbone

    model = build_task_model(build_backbone(source.config), source.task)
    restore_into(model, source, labels=source.labels or None, require_head=True)
    for remark in source.remarks:
        logging.warning("%s", remark)
    return FineTunedModel(model, source.tokenizer(), source.task, source)


def task_of(path: str | os.PathLike, known: Sequence[str]) -> str | None:
    """The task that a model's own files name; by its head if they name none.

    Args:
        path: see load_fine_tuned.
        known: names of tasks; another name is passed over, for example a data set's.
    """
    task = open_checkpoint(path).task
    if task is None:
        return None
    if task.task in known:
        return task.task
    return {
        "classifier": "classification",
        "tagger": "entities",
        "crf_tagger": "entities",
        "span": "question_answering",
    }.get(task.head)

"""CheckpointSource -> the variables of a model: encoder and pooler, and the heads that belong."""

import dataclasses
from collections.abc import Sequence

from absl import logging

from clinicalbert_tf.checkpoints.assign import assign_variables
from clinicalbert_tf.checkpoints.names import (
    HEADS,
    POOLER,
    PRETRAINING_HEADS,
    PRETRAINING_PREFIXES,
    head_variables,
    model_variables,
)
from clinicalbert_tf.checkpoints.restore_report import RestoreReport
from clinicalbert_tf.checkpoints.source import (
    PARTS,
    REFERENCE_LAYER_NORM_EPSILON,
    REQUIRED_PARTS,
    CheckpointSource,
    TensorReport,
    check_tensors,
)
from clinicalbert_tf.checkpoints.task_file import TaskDescription


def restore_into(
    model,
    source: CheckpointSource,
    *,
    labels: Sequence[str] | None = None,
    require_head: bool = False,
    require: tuple[str, ...] = REQUIRED_PARTS,
    check_epsilon: bool = True,
) -> RestoreReport:
    """Reads a source into a model of any head.

    Encoder and pooler are restored, and so are pretraining heads that both have. A task head is
    restored only if the source says that it has the same head for the same labels in the same
    order; equal names and shapes are not enough. What is not restored keeps its fresh values.
    The report names all of it; it is logged too, as a warning if something starts fresh.

    Args:
        model: what a builder of clinicalbert_tf.modeling returned.
        source: what open_checkpoint returned.
        labels: names of the model's outputs in id order, for a classifier or a tagger; None to
            start such a head fresh unless it is required.
        require_head: whether the model's task head must come from the source, for example to
            predict with it.
        require: parts (checkpoints.source.PARTS) that must be there; embeddings and encoder at
            least.
        check_epsilon: whether the source must compute LayerNorm as the model does.

    Returns:
        The names restored, initialised (fresh) and skipped (unused).

    Raises:
        ValueError: the source's tensors do not fit the model or its own configuration, hold NaN
            or infinity, or lack a required part or head; nothing is assigned if names or shapes
            do not fit.
    """
    tensors = check_tensors(source)
    check_parts(source, tensors, require, check_epsilon)
    mappings = model_variables(model)
    wanted = {mapping.tf1_name for mapping in mappings}
    fresh = _fresh_head(model, source, labels, require_head)
    taken = {
        name: shape
        for name, shape in source.tensors.shapes.items()
        if name in wanted and not name.startswith(fresh)
    }
    report = assign_variables(
        mappings,
        taken,
        source.tensors.__getitem__,
        source.path,
        allow_missing=(*POOLER, *PRETRAINING_PREFIXES, *fresh),
    )
    unused = sorted(set(source.tensors) - set(taken))
    report = dataclasses.replace(report, skipped=(*unused, *source.ignored))
    _log(report, source)
    return report


def _log(report: RestoreReport, source: CheckpointSource) -> None:
    # A fine-tuned source has no pretraining heads, which is nothing to warn of.
    expected = PRETRAINING_PREFIXES if source.task is not None else ()
    surprises = [name for name in report.initialised if not name.startswith(expected)]
    (logging.warning if surprises else logging.info)("%s", report)


def build_task_model(backbone, task: TaskDescription, dtype=None):
    """Builds the model of a task's head on a backbone that is there already, its head fresh.

    Args:
        backbone: what build_backbone returned.
        task: head and labels.
        dtype: dtype or Keras dtype policy of the head's input; None for the global one.

    Returns:
        A BertClassifier, BertTagger, BertCrfTagger or BertSpanModel.
    """
    from clinicalbert_tf.modeling.classifier import BertClassifier
    from clinicalbert_tf.modeling.span import BertSpanModel
    from clinicalbert_tf.modeling.tagger import BertCrfTagger, BertTagger

    settings = {"dtype": dtype, "name": f"{task.head}_model"}
    if task.head == "span":
        return BertSpanModel(backbone, **settings)
    kind = {"classifier": BertClassifier, "tagger": BertTagger, "crf_tagger": BertCrfTagger}[
        task.head
    ]
    return kind(backbone, len(task.labels), **settings)


def restore_head(
    model, source: CheckpointSource, report: RestoreReport | None = None
) -> RestoreReport:
    """Reads the task head alone, for a model whose encoder was restored already.

    Args:
        model: what build_task_model returned.
        source: a source with the model's head.
        report: what restoring the encoder did, None to leave it out.

    Returns:
        The report with the head's names among the restored ones.

    Raises:
        ValueError: the head's variables are missing or misshaped.
    """
    mappings = head_variables(model)
    names = {mapping.tf1_name for mapping in mappings}
    shapes = {name: source.tensors.shapes[name] for name in names if name in source.tensors}
    head = assign_variables(mappings, shapes, source.tensors.__getitem__, source.path)
    if report is None:
        return head
    return dataclasses.replace(
        report,
        restored=(*report.restored, *head.restored),
        skipped=tuple(name for name in report.skipped if name not in names),
    )


def check_parts(
    source: CheckpointSource,
    tensors: TensorReport,
    require: tuple[str, ...] = REQUIRED_PARTS,
    check_epsilon: bool = True,
) -> None:
    """Checks that a source has the parts that are needed and computes as the reference does.

    Args:
        source: the source.
        tensors: what check_tensors returned for it.
        require: names of PARTS.
        check_epsilon: whether LayerNorm's epsilon must be the reference's.

    Raises:
        ValueError: a part is unknown or missing, or LayerNorm has another epsilon.
    """
    unknown = [part for part in require if part not in PARTS]
    if unknown:
        raise ValueError(f"Expected parts among {', '.join(PARTS)}, received {', '.join(unknown)}.")
    lacking = [part for part in require if part not in tensors.present]
    if lacking:
        raise ValueError(
            f"{source.path}: expected {', '.join(require)}, received a model without "
            f"{', '.join(lacking)}. Use a checkpoint of pretraining, or do not require them."
        )
    if check_epsilon and source.layer_norm_epsilon != REFERENCE_LAYER_NORM_EPSILON:
        raise ValueError(
            f"{source.path}: expected LayerNorm epsilon {REFERENCE_LAYER_NORM_EPSILON}, as in "
            f"every released BERT, received {source.layer_norm_epsilon}. Its outputs would not be "
            "the source's; use the program that trained it."
        )


def _fresh_head(model, source, labels, require_head: bool) -> tuple[str, ...]:
    """The beginnings of the names of a task head that does not come from the source."""
    task_heads = [name for name in model.heads if name not in PRETRAINING_HEADS]
    if not task_heads:
        return ()
    (head,) = task_heads
    same = source.head == head and (
        head == "span" or labels is None or tuple(labels) == source.labels
    )
    if require_head:
        if not same:
            raise ValueError(
                f"{source.path}: expected a {head}{_listed(labels)}, received "
                f"{'a ' + source.head if source.head else 'no task head'}"
                f"{_listed(source.labels)}. Give the folder of a model that was fine-tuned for "
                "this task."
            )
        return ()
    if same and (head == "span" or labels is not None):
        return ()
    return (HEADS[head].prefix,)


def _listed(labels) -> str:
    return f" of {', '.join(labels)}" if labels else ""

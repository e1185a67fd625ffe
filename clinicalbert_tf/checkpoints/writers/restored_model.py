"""CheckpointSource -> Keras model of this package, for the formats that are made from one."""

from clinicalbert_tf.checkpoints.into_model import (
    build_task_model,
    restore_head,
    restore_into,
)
from clinicalbert_tf.checkpoints.source import PARTS, CheckpointSource
from clinicalbert_tf.modeling import build_backbone, build_pretraining_model


def require_pooler(source: CheckpointSource, format_name: str) -> None:
    """Checks that a source has the pooler, if a format has no model without one.

    Raises:
        ValueError: it has none.
    """
    if not any(name.startswith(PARTS["pooler"]) for name in source.tensors):
        raise ValueError(
            f"{source.path}: expected a model with its pooler (bert/pooler), received one "
            f"without, which the format {format_name} has no place for. Convert it to "
            "huggingface, saved_model or onnx."
        )


def restored_backbone(source: CheckpointSource):
    """Returns the backbone with a source's weights, float32.

    A pooler that the source lacks keeps fresh weights.
    """
    return _restored(build_backbone(source.config, dtype="float32"), source)


def restored_pretraining_model(source: CheckpointSource):
    """Returns the pretraining model with a source's weights, float32.

    Pooler and heads that the source lacks keep fresh weights; see source.check_tensors for them.
    """
    return _restored(build_pretraining_model(source.config, dtype="float32"), source)


def restored_task_model(source: CheckpointSource):
    """Returns the model of a source's task head with its weights, float32.

    Without a task it is the backbone.
    """
    backbone = restored_backbone(source)
    if source.task is None:
        return backbone
    model = build_task_model(backbone, source.task, "float32")
    restore_head(model, source)
    return model


def _restored(model, source: CheckpointSource):
    # A format may carry another epsilon of LayerNorm, which a restored model cannot compute.
    restore_into(model, source, check_epsilon=False)
    return model

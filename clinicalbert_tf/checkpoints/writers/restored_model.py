"""CheckpointSource -> Keras model of this package, for the formats that are made from one."""

from clinicalbert_tf.checkpoints.assign import assign_variables
from clinicalbert_tf.checkpoints.names import (
    POOLER,
    PRETRAINING_PREFIXES,
    model_variables,
)
from clinicalbert_tf.checkpoints.source import PARTS, CheckpointSource
from clinicalbert_tf.modeling import build_backbone, build_pretraining_model


def require_pooler(source: CheckpointSource, format_name: str) -> None:
    """Checks that a source has the pooler, where a format has no model without one.

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
    """The backbone with a source's weights, float32.

    A pooler that the source lacks keeps fresh weights.
    """
    backbone = build_backbone(source.config, dtype="float32")
    _assign(model_variables(backbone), source)
    return backbone


def restored_pretraining_model(source: CheckpointSource):
    """The pretraining model with a source's weights, float32.

    Pooler and heads that the source lacks keep fresh weights; see source.check_tensors for them.
    """
    model = build_pretraining_model(source.config, dtype="float32")
    _assign(model_variables(model), source)
    return model


def _assign(mappings, source: CheckpointSource) -> None:
    ours = {mapping.tf1_name for mapping in mappings}
    assign_variables(
        mappings,
        {name: shape for name, shape in source.tensors.shapes.items() if name in ours},
        source.tensors.__getitem__,
        source.path,
        allow_missing=(*PRETRAINING_PREFIXES, *POOLER),
    )

"""The one table between TF1 checkpoint names and Keras variables.

One row a variable: the reference's name, the path of attributes that leads to the Keras variable,
and the shape in the checkpoint. Attention kernels are [hidden, hidden] in TF1 and
[hidden, heads, head size] (query, key, value) or [heads, head size, hidden] (output) in Keras:
the same numbers in the same order, so a reshape is all it takes.
"""

import dataclasses
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

VOCABULARY, POSITIONS, SEGMENTS, HIDDEN, INTERMEDIATE, CLASSES, LABELS = (
    "vocabulary",
    "positions",
    "segments",
    "hidden",
    "intermediate",
    "classes",
    "labels",
)


HEADS_OF_LAYER, TEACHER_HIDDEN, TEACHER_HEADS = ("heads", "teacher_hidden", "teacher_heads")


@dataclasses.dataclass(frozen=True)
class VariableMapping:
    """One variable in both worlds.

    Attributes:
        tf1_name: the reference's name.
        variable: the Keras variable.
        tf1_shape: the shape in a checkpoint.
        to_tf1: array of the variable's shape (the weights or an optimizer slot) -> tf1_shape.
        from_tf1: the way back.
    """

    tf1_name: str
    variable: object
    tf1_shape: tuple[int, ...]
    to_tf1: Callable[[np.ndarray], np.ndarray]
    from_tf1: Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class _Row:
    tf1_name: str
    path: str
    dimensions: tuple[str, ...]
    transposed: bool = False


_EMBEDDINGS = (
    _Row("bert/embeddings/word_embeddings", "token_embedding.embeddings", (VOCABULARY, HIDDEN)),
    _Row(
        "bert/embeddings/position_embeddings",
        "position_embedding.position_embeddings",
        (POSITIONS, HIDDEN),
    ),
    _Row(
        "bert/embeddings/token_type_embeddings",
        "segment_embedding.embeddings",
        (SEGMENTS, HIDDEN),
    ),
    _Row("bert/embeddings/LayerNorm/gamma", "embeddings_layer_norm.gamma", (HIDDEN,)),
    _Row("bert/embeddings/LayerNorm/beta", "embeddings_layer_norm.beta", (HIDDEN,)),
)
# Below bert/encoder/layer_N/ and transformer_layers[N].
_ENCODER_LAYER = (
    _Row("attention/self/query/kernel", "attention.query_dense.kernel", (HIDDEN, HIDDEN)),
    _Row("attention/self/query/bias", "attention.query_dense.bias", (HIDDEN,)),
    _Row("attention/self/key/kernel", "attention.key_dense.kernel", (HIDDEN, HIDDEN)),
    _Row("attention/self/key/bias", "attention.key_dense.bias", (HIDDEN,)),
    _Row("attention/self/value/kernel", "attention.value_dense.kernel", (HIDDEN, HIDDEN)),
    _Row("attention/self/value/bias", "attention.value_dense.bias", (HIDDEN,)),
    _Row("attention/output/dense/kernel", "attention.output_dense.kernel", (HIDDEN, HIDDEN)),
    _Row("attention/output/dense/bias", "attention.output_dense.bias", (HIDDEN,)),
    _Row("attention/output/LayerNorm/gamma", "attention_layer_norm.gamma", (HIDDEN,)),
    _Row("attention/output/LayerNorm/beta", "attention_layer_norm.beta", (HIDDEN,)),
    _Row("intermediate/dense/kernel", "intermediate_dense.kernel", (HIDDEN, INTERMEDIATE)),
    _Row("intermediate/dense/bias", "intermediate_dense.bias", (INTERMEDIATE,)),
    _Row("output/dense/kernel", "output_dense.kernel", (INTERMEDIATE, HIDDEN)),
    _Row("output/dense/bias", "output_dense.bias", (HIDDEN,)),
    _Row("output/LayerNorm/gamma", "output_layer_norm.gamma", (HIDDEN,)),
    _Row("output/LayerNorm/beta", "output_layer_norm.beta", (HIDDEN,)),
)
_POOLER = (
    _Row("bert/pooler/dense/kernel", "pooled_dense.kernel", (HIDDEN, HIDDEN)),
    _Row("bert/pooler/dense/bias", "pooled_dense.bias", (HIDDEN,)),
)
_MASKED_LM = (
    _Row(
        "cls/predictions/transform/dense/kernel",
        "masked_lm_transform.dense.kernel",
        (HIDDEN, HIDDEN),
    ),
    _Row("cls/predictions/transform/dense/bias", "masked_lm_transform.dense.bias", (HIDDEN,)),
    _Row(
        "cls/predictions/transform/LayerNorm/gamma",
        "masked_lm_transform.layer_norm.gamma",
        (HIDDEN,),
    ),
    _Row(
        "cls/predictions/transform/LayerNorm/beta",
        "masked_lm_transform.layer_norm.beta",
        (HIDDEN,),
    ),
    _Row("cls/predictions/output_bias", "masked_lm_output_bias.bias", (VOCABULARY,)),
)
_NEXT_SENTENCE = (
    # The reference multiplies by it transposed.
    _Row(
        "cls/seq_relationship/output_weights",
        "next_sentence_head.kernel",
        (CLASSES, HIDDEN),
        transposed=True,
    ),
    _Row("cls/seq_relationship/output_bias", "next_sentence_head.bias", (CLASSES,)),
)


def _task_head(scope: str, outputs: str) -> tuple[_Row, ...]:
    # The reference multiplies by the weights transposed.
    return (
        _Row(f"{scope}output_weights", "head.kernel", (outputs, HIDDEN), transposed=True),
        _Row(f"{scope}output_bias", "head.bias", (outputs,)),
    )


# The reference has no such head; the names continue those of its tagger.
_CRF = (
    _Row("output_crf_begin", "crf_scores.begin", (LABELS,)),
    _Row("output_crf_follow", "crf_scores.follow", (LABELS, LABELS)),
    _Row("output_crf_end", "crf_scores.end", (LABELS,)),
)


# What compares a student with its teacher: made by training and of no use after it.
_DISTILLATION = (
    _Row("distillation_hidden", "hidden_projection.kernel", (HIDDEN, TEACHER_HIDDEN)),
    _Row("distillation_attention", "attention_projection.kernel", (HEADS_OF_LAYER, TEACHER_HEADS)),
)


@dataclasses.dataclass(frozen=True)
class Head:
    """A head that a model can have, as its checkpoints know it.

    Attributes:
        prefix: how the names of its variables, and of no other variable, begin.
        rows: its variables.
    """

    prefix: str
    rows: tuple[_Row, ...] = dataclasses.field(repr=False)


# By the names in a model's attribute `heads`. The reference's run_classifier.py and BioBERT's
# run_ner.py use the same two names, so only a model's own files tell these two heads apart.
HEADS = {
    "masked_lm": Head("cls/predictions/", _MASKED_LM),
    "next_sentence": Head("cls/seq_relationship/", _NEXT_SENTENCE),
    "classifier": Head("output_", _task_head("", LABELS)),
    "tagger": Head("output_", _task_head("", LABELS)),
    "crf_tagger": Head("output_", (*_task_head("", LABELS), *_CRF)),
    "span": Head("cls/squad/", _task_head("cls/squad/", CLASSES)),
    "distillation": Head("distillation_", _DISTILLATION),
}
PRETRAINING_HEADS = ("masked_lm", "next_sentence")
# Groups of names that a checkpoint may lack as a whole; see assign.assign_variables.
PRETRAINING_PREFIXES = tuple(HEADS[name].prefix for name in PRETRAINING_HEADS)
POOLER = ("bert/pooler/",)
# What training adds to a checkpoint: below each variable's name its optimizer's slots (adam_m and
# adam_v in the reference, Adam and Adam_1 in TensorFlow, BERTAdam in BioBERT), and beside them:
_TRAINING_NAMES = ("global_step", "beta1_power", "beta2_power")
_SLOTS = ("adam_m", "adam_v", "Adam", "Adam_1")


def model_variables(model) -> list[VariableMapping]:
    """Returns the mappings of a model's encoder, pooler and heads, each variable exactly once.

    Args:
        model: what a builder of clinicalbert_tf.modeling returned; its attribute `heads` says
            which rows belong to it.

    Raises:
        ValueError: the model's variables and the table are not one-to-one.
    """
    backbone = model.backbone if model.heads else model
    mappings = [*_backbone_mappings(backbone), *head_variables(model)]
    _check_one_to_one(mappings, model)
    return mappings


def head_variables(model) -> list[VariableMapping]:
    """Returns the mappings of a model's heads alone; none for a backbone."""
    mappings = []
    for name in model.heads:
        sizes = _sizes(model.backbone)
        if LABELS in HEADS[name].rows[0].dimensions:
            sizes[LABELS] = model.num_labels
        if name == "distillation":
            sizes |= model.distillation_sizes
        mappings += [_mapping(row, model, sizes) for row in HEADS[name].rows]
    return mappings


def training_state(names: Iterable[str]) -> list[str]:
    """Returns the names that an optimizer wrote, sorted: slots, counters, the step.

    Whatever stands behind a variable's name and a slash is a slot, so an optimizer of any name is
    known. What only a distillation needs counts too.

    Args:
        names: all names of a checkpoint.
    """
    names = set(names)
    return sorted(
        name
        for name in names
        if name in _TRAINING_NAMES
        or slot_kind(name) in _SLOTS
        or any(parent in names for parent in _parents(name))
        or name.startswith(HEADS["distillation"].prefix)
    )


def slot_kind(name: str) -> str:
    """Returns what a slot is called below its variable, for example adam_m."""
    return name.rsplit("/", 1)[-1]


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def names_of_other_heads(names: Iterable[str], heads: Sequence[str]) -> list[str]:
    """Returns the names that belong to a head of the table which is not among `heads`."""
    ours = tuple(HEADS[name].prefix for name in heads)
    others = tuple(head.prefix for head in HEADS.values() if head.prefix not in ours)
    return sorted(name for name in names if name.startswith(others))


def _backbone_mappings(backbone) -> list[VariableMapping]:
    sizes = _sizes(backbone)
    mappings = [_mapping(row, backbone, sizes) for row in _EMBEDDINGS]
    for index, layer in enumerate(backbone.transformer_layers):
        scope = f"bert/encoder/layer_{index}/"
        mappings += [_mapping(row, layer, sizes, scope) for row in _ENCODER_LAYER]
    return mappings + [_mapping(row, backbone, sizes) for row in _POOLER]


def _sizes(backbone) -> dict[str, int]:
    return {
        VOCABULARY: backbone.vocabulary_size,
        POSITIONS: backbone.max_sequence_length,
        SEGMENTS: backbone.num_segments,
        HIDDEN: backbone.hidden_dim,
        INTERMEDIATE: backbone.intermediate_dim,
        CLASSES: 2,
    }


def _mapping(row: _Row, owner, sizes: dict[str, int], scope: str = "") -> VariableMapping:
    variable = operator.attrgetter(row.path)(owner)
    tf1_shape = tuple(sizes[dimension] for dimension in row.dimensions)
    keras_shape = tuple(variable.shape)
    if row.transposed:
        to_tf1 = from_tf1 = lambda array: np.ascontiguousarray(np.transpose(array))
    else:
        to_tf1 = lambda array: np.reshape(array, tf1_shape)
        from_tf1 = lambda array: np.reshape(array, keras_shape)
    return VariableMapping(scope + row.tf1_name, variable, tf1_shape, to_tf1, from_tf1)


def _check_one_to_one(mappings: list[VariableMapping], model) -> None:
    mapped = {id(mapping.variable) for mapping in mappings}
    unmapped = [weight.path for weight in model.weights if id(weight) not in mapped]
    foreign = mapped - {id(weight) for weight in model.weights}
    names = {mapping.tf1_name for mapping in mappings}
    if unmapped or foreign or not len(mappings) == len(mapped) == len(names):
        raise ValueError(
            f"Expected one TF1 name for each variable of {model.name}, received {len(names)} "
            f"names for {len(model.weights)} variables (without a name: "
            f"{', '.join(unmapped) or 'none'}). Give a model that clinicalbert_tf.modeling built."
        )

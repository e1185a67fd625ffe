"""The table between Hugging Face's names of a BERT's tensors and the reference's.

torch keeps dense kernels [outputs, inputs], the reference [inputs, outputs]; everything else has
one shape in both.
"""

import re
from collections.abc import Mapping

import numpy as np

from clinicalbert_tf.checkpoints.source import LazyTensor, LazyTensors, as_float32, reference_shapes
from clinicalbert_tf.config import BertConfig

WORD_EMBEDDINGS = "bert.embeddings.word_embeddings.weight"
DECODER_WEIGHT = "cls.predictions.decoder.weight"
DECODER_BIAS = "cls.predictions.decoder.bias"
OUTPUT_BIAS = "cls.predictions.bias"

_HEADS = {
    "cls/predictions/output_bias": OUTPUT_BIAS,
    "cls/seq_relationship/output_weights": "cls.seq_relationship.weight",
    "cls/seq_relationship/output_bias": "cls.seq_relationship.bias",
    # The reference's run_classifier; BertForSequenceClassification and BertForTokenClassification.
    "output_weights": "classifier.weight",
    "output_bias": "classifier.bias",
    # The reference's run_squad; BertForQuestionAnswering.
    "cls/squad/output_weights": "qa_outputs.weight",
    "cls/squad/output_bias": "qa_outputs.bias",
    # No class of transformers has these; it passes them over.
    "output_crf_begin": "crf.begin",
    "output_crf_follow": "crf.follow",
    "output_crf_end": "crf.end",
}
TASK_NAMES = (
    "output_weights",
    "output_bias",
    "cls/squad/output_weights",
    "cls/squad/output_bias",
    "output_crf_begin",
    "output_crf_follow",
    "output_crf_end",
)
_ENDINGS = (
    ("/LayerNorm/gamma", ".LayerNorm.weight"),
    ("/LayerNorm/beta", ".LayerNorm.bias"),
    ("/kernel", ".weight"),
    ("/bias", ".bias"),
)
_ENCODER_PARTS = ("embeddings.", "encoder.", "pooler.")
# Not trained: numbers 0, 1, 2, ... and zeros that older versions saved.
_BUFFERS = ("bert.embeddings.position_ids", "bert.embeddings.token_type_ids")
_OLD_LAYER_NORM = re.compile(r"LayerNorm\.(gamma|beta)$")


def huggingface_name(name: str) -> str:
    """The name in BertForPreTraining's state_dict of a variable of the reference."""
    if name in _HEADS:
        return _HEADS[name]
    if name.endswith("_embeddings"):
        return name.replace("/", ".") + ".weight"
    ending, theirs = next(pair for pair in _ENDINGS if name.endswith(pair[0]))
    scope = name[: -len(ending)].replace("/layer_", "/layer/")
    return scope.replace("/", ".") + theirs


def is_transposed(name: str) -> bool:
    """Whether a variable of the reference stands transposed in torch."""
    return name.endswith("/kernel")


def from_huggingface(
    tensors: LazyTensors, config: BertConfig, path: str
) -> tuple[LazyTensors, tuple[str, ...]]:
    """Renames and transposes a state_dict of any Bert class; weights stay on disk.

    The masked LM decoder is tied to the word embeddings in the reference; a state_dict that
    holds it is compared number by number (which reads both).

    Args:
        tensors: by Hugging Face names, with or without "bert." or another prefix, with the old
            names LayerNorm.gamma and LayerNorm.beta too.
        config: the model's configuration.
        path: what to call the source in an error.

    Returns:
        The tensors by the reference's names, float32, and the names that are no weight of BERT.

    Raises:
        ValueError: no BERT encoder or several, parts of an encoder that BERT does not have, a
            decoder that is not tied, a name twice.
    """
    theirs = _normalized(tensors, path)
    _check_tied(tensors, theirs, path)
    if OUTPUT_BIAS not in theirs and DECODER_BIAS in theirs:
        theirs[OUTPUT_BIAS] = theirs[DECODER_BIAS]
    found = {}
    for name in (*reference_shapes(config), *TASK_NAMES):
        key = theirs.get(huggingface_name(name))
        if key is not None:
            found[name] = _lazy(tensors, key, is_transposed(name))
    used = {huggingface_name(name) for name in found} | {DECODER_WEIGHT, DECODER_BIAS}
    rest = {name: key for name, key in theirs.items() if name not in used}
    foreign = sorted(
        key for name, key in rest.items() if name.startswith("bert.") and name not in _BUFFERS
    )
    if foreign:
        raise ValueError(
            f"{path}: expected the {config.num_hidden_layers} encoder layers of a plain BERT, "
            f"received {len(foreign)} tensors beyond it: {', '.join(foreign[:8])}"
            f"{' ...' if len(foreign) > 8 else ''}. Give the config.json of these weights; "
            "the reference's model has no adapters, relative positions or decoders."
        )
    return LazyTensors(found), tuple(sorted(rest.values()))


def to_huggingface(tensors: Mapping[str, np.ndarray], with_prefix: bool = True) -> dict:
    """Arrays by the reference's names -> arrays for a state_dict.

    Args:
        tensors: the canonical form.
        with_prefix: "bert." before the encoder's names, as every class but BertModel has it.

    Returns:
        Contiguous arrays by Hugging Face names. The tied decoder is left out, as transformers
        itself leaves it out.
    """
    renamed = {}
    for name in tensors:
        array = np.asarray(tensors[name])
        theirs = huggingface_name(name)
        renamed[theirs if with_prefix else theirs.removeprefix("bert.")] = np.ascontiguousarray(
            array.T if is_transposed(name) else array
        )
    return renamed


def _normalized(tensors: LazyTensors, path: str) -> dict[str, str]:
    """{name as in BertForPreTraining: key in the file}."""
    anchor = WORD_EMBEDDINGS.removeprefix("bert.")
    prefixes = [key[: -len(anchor)] for key in tensors if key.endswith(anchor)]
    if len(prefixes) != 1:
        raise ValueError(
            f"{path}: expected the tensors of one BERT encoder, received {len(prefixes)} tensors "
            f"named ...{anchor}. Give a BERT model that was saved on its own."
        )
    (prefix,) = prefixes
    root = prefix.removesuffix("bert.")
    names: dict[str, str] = {}
    for key in tensors:
        name = key.removeprefix(root)
        if key.startswith(prefix) and key[len(prefix) :].startswith(_ENCODER_PARTS):
            name = "bert." + key[len(prefix) :]
        name = _OLD_LAYER_NORM.sub(_modern_layer_norm, name)
        if name in names:
            raise ValueError(
                f"{path}: expected each tensor once, received {names[name]} and {key}. Save the "
                "model again with one set of names."
            )
        names[name] = key
    return names


def _modern_layer_norm(match: re.Match) -> str:
    return "LayerNorm." + {"gamma": "weight", "beta": "bias"}[match[1]]


def _check_tied(tensors: LazyTensors, theirs: dict[str, str], path: str) -> None:
    for one, other in ((DECODER_WEIGHT, WORD_EMBEDDINGS), (DECODER_BIAS, OUTPUT_BIAS)):
        if one in theirs and other in theirs:
            if np.array_equal(tensors[theirs[one]], tensors[theirs[other]]):
                continue
            raise ValueError(
                f"{path}: expected {theirs[one]} equal to {theirs[other]} (tied, as in the "
                "reference), received other numbers. A model with an output layer of its own has "
                "no counterpart in the reference's model: tie its weights first."
            )


def _lazy(tensors: LazyTensors, key: str, transposed: bool) -> LazyTensor:
    shape = tensors.shapes[key]

    def load() -> np.ndarray:
        array = tensors[key]
        if array.dtype.kind != "f" and "float" not in array.dtype.name:
            raise ValueError(
                f"{key}: expected floating point numbers, received {array.dtype}. Give the model "
                "before it was quantized."
            )
        return as_float32(array.T if transposed else array)

    return LazyTensor(shape[::-1] if transposed else shape, load)

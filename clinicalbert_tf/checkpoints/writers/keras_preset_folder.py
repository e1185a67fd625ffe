"""CheckpointSource -> a preset folder that keras_nlp's own classes load."""

import operator
import os

import keras_nlp
import numpy as np

from clinicalbert_tf.checkpoints.source import CheckpointSource, check_tensors
from clinicalbert_tf.checkpoints.writers.companions import write_companions
from clinicalbert_tf.checkpoints.writers.restored_model import require_pooler
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling.backbone import stock_arguments
from tfrecords_builder.tokenization import load_vocabulary, rows_of_vocabulary

# What keras_nlp does not know, beside bert_config.json; readers.keras_preset reads both.
OTHER_VARIABLES_NAME = "reference_variables.safetensors"

_EMBEDDINGS = {
    "word_embeddings": "token_embedding.embeddings",
    "position_embeddings": "position_embedding.position_embeddings",
    "token_type_embeddings": "segment_embedding.embeddings",
    "LayerNorm/gamma": "embeddings_layer_norm.gamma",
    "LayerNorm/beta": "embeddings_layer_norm.beta",
}
# The reference's layer below bert/encoder/layer_N/ -> attribute of keras_nlp's TransformerEncoder.
_LAYER = {
    "attention/self/query/": "_self_attention_layer.query_dense.",
    "attention/self/key/": "_self_attention_layer.key_dense.",
    "attention/self/value/": "_self_attention_layer.value_dense.",
    "attention/output/dense/": "_self_attention_layer.output_dense.",
    "attention/output/LayerNorm/": "_self_attention_layer_norm.",
    "intermediate/dense/": "_feedforward_intermediate_dense.",
    "output/dense/": "_feedforward_output_dense.",
    "output/LayerNorm/": "_feedforward_layer_norm.",
}
_MASKED_LM = {
    "transform/dense/kernel": "_intermediate_dense.kernel",
    "transform/dense/bias": "_intermediate_dense.bias",
    "transform/LayerNorm/gamma": "_intermediate_layer_norm.gamma",
    "transform/LayerNorm/beta": "_intermediate_layer_norm.beta",
    "output_bias": "_bias",
}


def write_keras_preset(source: CheckpointSource, folder: str) -> None:
    """Writes a preset of keras_nlp's BertBackbone, its tokenizer and, with a head, BertMaskedLM.

    Every weight keeps its bits. What a preset has no place for lies beside: bert_config.json (the
    second dropout, the initializer) and reference_variables.safetensors (the next sentence head
    or a classifier's output layer, by the reference's names).

    Args:
        source: a model with the tanh form of gelu, the only one that keras_nlp's class computes.
        folder: an empty folder.

    Raises:
        ValueError: another activation, or no pooler.
    """
    check_keras_can_compute(source)
    present = check_tensors(source).present
    backbone = _stock_backbone(source.config)
    assigned = _assign_backbone(backbone, source)
    tokenizer = _stock_tokenizer(source)
    if "masked LM head" in present:
        preprocessor = keras_nlp.models.BertMaskedLMPreprocessor(
            tokenizer, sequence_length=source.config.max_position_embeddings
        )
        task = keras_nlp.models.BertMaskedLM(backbone, preprocessor)
        assigned |= _assign(task.masked_lm_head, _MASKED_LM, "cls/predictions/", source)
        task.save_to_preset(folder, max_shard_size=None)
    else:
        backbone.save_to_preset(folder, max_shard_size=None)
        tokenizer.save_to_preset(folder)
    write_companions(source, folder, vocabulary=False)
    _write_others(source, set(source.tensors) - assigned, folder)


def check_keras_can_compute(source: CheckpointSource) -> None:
    """Checks that keras_nlp's BertBackbone computes what a source computes.

    Raises:
        ValueError: another activation than BERT's own gelu, or no pooler.
    """
    require_pooler(source, "keras")
    if source.config.hidden_act != "gelu":
        raise ValueError(
            f"{source.path}: expected hidden_act gelu (the tanh form), the only one that "
            f"keras_nlp's BertBackbone computes, received {source.config.hidden_act}. Convert it "
            "to tf1, huggingface, saved_model or onnx; a preset would give other outputs."
        )


def _stock_backbone(config: BertConfig):
    return keras_nlp.models.BertBackbone(**stock_arguments(config), dtype="float32")


def _stock_tokenizer(source: CheckpointSource):
    # A blank line keeps its id in the reference; keras_nlp would take it for a wordpiece "".
    rows = rows_of_vocabulary(load_vocabulary(source.vocab_file))
    return keras_nlp.models.BertTokenizer(
        vocabulary=[row or f"[blank{number}]" for number, row in enumerate(rows)],
        lowercase=source.do_lower_case,
        strip_accents=source.do_lower_case,
    )


def _assign_backbone(backbone, source: CheckpointSource) -> set[str]:
    assigned = _assign(backbone, _EMBEDDINGS, "bert/embeddings/", source)
    for number, layer in enumerate(backbone.transformer_layers):
        table = {
            scope + variable: path + variable
            for scope, path in _LAYER.items()
            for variable in _variables_of(scope)
        }
        assigned |= _assign(layer, table, f"bert/encoder/layer_{number}/", source)
    pooler = {name: f"pooled_dense.{name}" for name in ("kernel", "bias")}
    return assigned | _assign(backbone, pooler, "bert/pooler/dense/", source)


def _variables_of(scope: str) -> tuple[str, str]:
    return ("gamma", "beta") if scope.endswith("LayerNorm/") else ("kernel", "bias")


def _assign(owner, table: dict[str, str], scope: str, source: CheckpointSource) -> set[str]:
    for name, path in table.items():
        variable = operator.attrgetter(path)(owner)
        # Heads stand in axes of their own: the same numbers in the same order.
        variable.assign(np.reshape(source.tensors[scope + name], variable.shape))
    return {scope + name for name in table}


def _write_others(source: CheckpointSource, names: set[str], folder: str) -> None:
    if names:
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(source.tensors[name]) for name in sorted(names)}
        save_file(arrays, os.path.join(folder, OTHER_VARIABLES_NAME))

"""CheckpointSource -> a folder with the model in ONNX. Needs the extra `onnx`."""

import json
import logging
import os

import onnx
from onnx import TensorProto, helper

from clinicalbert_tf.checkpoints.model_files import VOCABULARY
from clinicalbert_tf.checkpoints.source import CheckpointSource, check_tensors
from clinicalbert_tf.checkpoints.writers.companions import write_companions
from clinicalbert_tf.checkpoints.writers.onnx_graph import OPSET, OnnxGraph

MODEL_NAME = "model.onnx"
# One protobuf message holds less than 2 GiB; larger models keep their weights in a second file.
_LARGEST_MESSAGE = 1_900_000_000
# What came with opset 17; the newest one would keep older runtimes out.
_IR_VERSION = 8


def write_onnx_folder(source: CheckpointSource, folder: str, quantize: str | None = None) -> None:
    """Writes model.onnx, bert_config.json, vocab.txt and, for a fine-tuned source, labels.json.

    Inputs: token_ids, segment_ids, padding_mask, int32 [batch, length]; with a masked LM head
    mask_positions, int32 [batch, predictions], which may be left out. Outputs, float32:
    sequence_output [batch, length, hidden], sentence_vector [batch, hidden] (mean over the
    tokens), pooled_output [batch, hidden], mlm_logits [batch, predictions, vocabulary] and
    nsp_logits [batch, 2], those that the source has weights for. A task head gives logits
    ([batch, labels], or [batch, length, labels] of a tagger), or start_logits and end_logits
    [batch, length].

    Args:
        source: its weights are written under their names and in their shapes (initializers).
        folder: an empty folder.
        quantize: "int8" to store the matrices in 8 bits, see quantize_weights; None not to.
    """
    model = _build(source)
    path = os.path.join(folder, MODEL_NAME)
    size = sum(len(initializer.raw_data) for initializer in model.graph.initializer)
    onnx.save_model(
        model,
        path,
        save_as_external_data=size > _LARGEST_MESSAGE,
        location=f"{MODEL_NAME}.data",
    )
    # By its path: a message above 2 GiB can only be checked in its files.
    onnx.checker.check_model(path)
    write_companions(source, folder)
    if quantize is not None:
        quantize_weights(path)


def quantize_weights(path: str) -> None:
    """Replaces a model by one whose matrix products run in 8 bits (onnxruntime's dynamic form).

    Matrices are stored as signed bytes with a scale; activations are quantized as they come.
    Embeddings, biases and layer normalizations stay as they are.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantized = path + ".quantized"
    # The warning that preprocessing is advised is about graphs with shapes left to infer.
    logging.getLogger().addFilter(_no_advice)
    try:
        quantize_dynamic(
            path, quantized, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"]
        )
    finally:
        logging.getLogger().removeFilter(_no_advice)
    for name in (path, f"{path}.data"):
        if os.path.exists(name):
            os.remove(name)
    os.rename(quantized, path)


def _no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing" not in record.getMessage()


def _build(source: CheckpointSource):
    graph, present, config = OnnxGraph(source), check_tensors(source).present, source.config
    inputs = {name: ("batch", "length") for name in ("token_ids", "segment_ids", "padding_mask")}
    outputs = {
        "sequence_output": ("batch", "length", config.hidden_size),
        "sentence_vector": ("batch", config.hidden_size),
    }
    graph.add_encoder()
    if "pooler" in present:
        graph.add_pooler()
        outputs["pooled_output"] = ("batch", config.hidden_size)
    if "masked LM head" in present:
        graph.add_masked_lm()
        inputs["mask_positions"] = ("positions_batch", "predictions")
        outputs["mlm_logits"] = ("batch", "predictions", config.vocab_size)
    if {"pooler", "next sentence head"} <= set(present):
        graph.add_next_sentence()
        outputs["nsp_logits"] = ("batch", 2)
    if source.head == "classifier":
        graph.add_classifier()
        outputs["logits"] = ("batch", len(source.labels))
    elif source.head in ("tagger", "crf_tagger"):
        count = len(source.labels)
        graph.add_tagger()
        outputs["logits"] = ("batch", "length", count)
        if source.head == "crf_tagger":
            graph.add_crf_scores()
            outputs |= {"crf_begin": (count,), "crf_follow": (count, count), "crf_end": (count,)}
    elif source.head == "span":
        graph.add_span()
        outputs |= dict.fromkeys(("start_logits", "end_logits"), ("batch", "length"))
    initializers = list(graph.initializers.values())
    if "mask_positions" in inputs:
        # An input with an initializer may be left out: no positions, no logits.
        initializers.append(helper.make_tensor("mask_positions", TensorProto.INT32, [1, 0], []))
    made = helper.make_graph(
        graph.nodes,
        "bert",
        [helper.make_tensor_value_info(n, TensorProto.INT32, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        initializers,
    )
    model = helper.make_model(
        made,
        producer_name="clinicalbert_tf",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(model, _properties(source))
    return model


def _properties(source: CheckpointSource) -> dict[str, str]:
    return {
        "do_lower_case": str(source.do_lower_case),
        "hidden_act": source.config.hidden_act,
        "vocabulary": VOCABULARY,
        **({"labels": json.dumps(source.labels)} if source.labels else {}),
    }

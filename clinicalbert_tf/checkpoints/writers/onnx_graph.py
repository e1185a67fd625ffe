"""BERT in ONNX operators, built from the weights themselves; no tracing, no converter.

Operators of opset 17 only, so that older runtimes read it; the runtimes fuse what belongs
together (attention, gelu, layer normalization).
"""

import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from clinicalbert_tf.checkpoints.source import CheckpointSource

OPSET = 17
# Added to the scores of padded keys.
_MASKED = -1e9


class OnnxGraph:
    """The nodes of a BERT, made part by part.

    Weights are initializers under the reference's names, in the reference's shapes. Everything
    else is a Constant node, so that the initializers are the checkpoint.

    Args:
        source: weights and configuration.

    Source: BERT (Devlin et al. 2018), modeling.py and run_pretraining.py.
    """

    def __init__(self, source: CheckpointSource):
        self._source = source
        self._config = source.config
        self.nodes: list = []
        self.initializers: dict = {}

    def add_encoder(self) -> None:
        """token_ids, segment_ids, padding_mask -> sequence_output, sentence_vector."""
        hidden = self._embeddings()
        mask = self._attention_mask()
        for number in range(self._config.num_hidden_layers):
            hidden = self._layer(hidden, mask, f"bert/encoder/layer_{number}")
        self._op("Identity", hidden, output="sequence_output")
        self._add_sentence_vector()

    def add_pooler(self) -> None:
        """sequence_output -> pooled_output."""
        first = self._op("Gather", "sequence_output", self._int64(0), axis=1)
        self._op("Tanh", self._dense(first, "bert/pooler/dense"), output="pooled_output")

    def add_masked_lm(self) -> None:
        """sequence_output, mask_positions -> mlm_logits."""
        rows = self._op("Reshape", "sequence_output", self._int64([-1, self._config.hidden_size]))
        batch, length = (self._op("Shape", "token_ids", start=n, end=n + 1) for n in (0, 1))
        count = self._op("Squeeze", batch)
        starts = self._op("Range", self._int64(0), count, self._int64(1))
        starts = self._op("Unsqueeze", self._op("Mul", starts, length), self._int64([1]))
        positions = self._op("Cast", "mask_positions", to=TensorProto.INT64)
        places = self._op("Add", positions, starts)
        picked = self._op("Gather", rows, self._op("Reshape", places, self._int64([-1])))
        scope = "cls/predictions/transform"
        picked = self._activation(self._dense(picked, f"{scope}/dense"))
        picked = self._layer_norm(picked, scope)
        logits = self._op(
            "Gemm",
            picked,
            self._weight("bert/embeddings/word_embeddings"),
            self._weight("cls/predictions/output_bias"),
            transB=1,
        )
        shape = self._op("Shape", places)
        shape = self._op("Concat", shape, self._int64([self._config.vocab_size]), axis=0)
        # Without allowzero, 0 predictions would stand for the number of rows.
        self._op("Reshape", logits, shape, allowzero=1, output="mlm_logits")

    def add_next_sentence(self) -> None:
        """pooled_output -> nsp_logits."""
        names = (f"cls/seq_relationship/output_{part}" for part in ("weights", "bias"))
        weights = (self._weight(name) for name in names)
        self._op("Gemm", "pooled_output", *weights, transB=1, output="nsp_logits")

    def add_classifier(self) -> None:
        """pooled_output -> logits."""
        names = ("output_weights", "output_bias")
        weights = (self._weight(name) for name in names)
        self._op("Gemm", "pooled_output", *weights, transB=1, output="logits")

    def add_tagger(self) -> None:
        """sequence_output -> logits."""
        self._op("Identity", self._on_every_token(""), output="logits")

    def add_crf_scores(self) -> None:
        """The scores of labels that follow one another, as outputs that no input changes."""
        for name in ("crf_begin", "crf_follow", "crf_end"):
            self._op("Identity", self._weight(f"output_{name}"), output=name)

    def add_span(self) -> None:
        """sequence_output -> start_logits, end_logits."""
        logits = self._on_every_token("cls/squad/")
        for column, name in enumerate(("start_logits", "end_logits")):
            self._op("Gather", logits, self._int64(column), axis=2, output=name)

    def _on_every_token(self, scope: str) -> str:
        # The reference multiplies by the weights transposed.
        weights = self._op("Transpose", self._weight(f"{scope}output_weights"), perm=[1, 0])
        product = self._op("MatMul", "sequence_output", weights)
        return self._op("Add", product, self._weight(f"{scope}output_bias"))

    def _embeddings(self) -> str:
        scope = "bert/embeddings"
        words = self._op("Gather", self._weight(f"{scope}/word_embeddings"), "token_ids")
        segments = self._op("Gather", self._weight(f"{scope}/token_type_embeddings"), "segment_ids")
        positions = self._op(
            "Slice",
            self._weight(f"{scope}/position_embeddings"),
            self._int64([0]),
            self._op("Shape", "token_ids", start=1, end=2),
        )
        summed = self._op("Add", self._op("Add", words, positions), segments)
        return self._layer_norm(summed, scope)

    def _attention_mask(self) -> str:
        """[batch, 1, 1, length]: 0, or very low where padded."""
        kept = self._op("Cast", "padding_mask", to=TensorProto.FLOAT)
        padded = self._op("Sub", self._float(1.0), kept)
        scores = self._op("Mul", padded, self._float(_MASKED))
        return self._op("Unsqueeze", scores, self._int64([1, 2]))

    def _layer(self, hidden: str, mask: str, scope: str) -> str:
        attended = self._attention(hidden, mask, f"{scope}/attention")
        hidden = self._layer_norm(self._op("Add", attended, hidden), f"{scope}/attention/output")
        fed = self._activation(self._dense(hidden, f"{scope}/intermediate/dense"))
        fed = self._dense(fed, f"{scope}/output/dense")
        return self._layer_norm(self._op("Add", fed, hidden), f"{scope}/output")

    def _attention(self, hidden: str, mask: str, scope: str) -> str:
        heads, size = self._config.num_attention_heads, self._config.head_size
        apart = self._int64([0, 0, heads, size])

        def project(name: str, order: list[int]) -> str:
            dense = self._dense(hidden, f"{scope}/self/{name}")
            return self._op("Transpose", self._op("Reshape", dense, apart), perm=order)

        query, value = (project(name, [0, 2, 1, 3]) for name in ("query", "value"))
        scores = self._op("MatMul", query, project("key", [0, 2, 3, 1]))
        scores = self._op("Div", scores, self._float(math.sqrt(size)))
        weights = self._op("Softmax", self._op("Add", scores, mask), axis=-1)
        context = self._op("Transpose", self._op("MatMul", weights, value), perm=[0, 2, 1, 3])
        context = self._op("Reshape", context, self._int64([0, 0, self._config.hidden_size]))
        return self._dense(context, f"{scope}/output/dense")

    def _add_sentence_vector(self) -> None:
        weights = self._op("Cast", "padding_mask", to=TensorProto.FLOAT)
        weighted = self._op(
            "Mul", "sequence_output", self._op("Unsqueeze", weights, self._int64([2]))
        )
        total = self._op("ReduceSum", weighted, self._int64([1]), keepdims=0)
        tokens = self._op("ReduceSum", weights, self._int64([1]), keepdims=1)
        tokens = self._op("Max", tokens, self._float(1.0))
        self._op("Div", total, tokens, output="sentence_vector")

    def _activation(self, values: str) -> str:
        kind = self._config.hidden_act
        if kind in ("relu", "tanh"):
            return self._op(kind.capitalize(), values)
        if kind == "linear":
            return values
        inner = self._erf(values) if kind == "gelu_erf" else self._tanh(values)
        grown = self._op("Mul", values, self._op("Add", inner, self._float(1.0)))
        return self._op("Mul", grown, self._float(0.5))

    def _erf(self, values: str) -> str:
        return self._op("Erf", self._op("Div", values, self._float(math.sqrt(2))))

    def _tanh(self, values: str) -> str:
        cubed = self._op("Pow", values, self._float(3.0))
        summed = self._op("Add", values, self._op("Mul", cubed, self._float(0.044715)))
        return self._op("Tanh", self._op("Mul", summed, self._float(math.sqrt(2 / math.pi))))

    def _dense(self, values: str, scope: str) -> str:
        product = self._op("MatMul", values, self._weight(f"{scope}/kernel"))
        return self._op("Add", product, self._weight(f"{scope}/bias"))

    def _layer_norm(self, values: str, scope: str) -> str:
        names = (f"{scope}/LayerNorm/{part}" for part in ("gamma", "beta"))
        weights = [self._weight(name) for name in names]
        epsilon = self._source.layer_norm_epsilon
        return self._op("LayerNormalization", values, *weights, axis=-1, epsilon=epsilon)

    def _weight(self, name: str) -> str:
        if name not in self.initializers:
            array = self._source.tensors[name]
            self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def _int64(self, value) -> str:
        return self._constant(np.array(value, np.int64))

    def _float(self, value: float) -> str:
        return self._constant(np.array(value, np.float32))

    def _constant(self, array: np.ndarray) -> str:
        return self._op("Constant", value=numpy_helper.from_array(array))

    def _op(self, kind: str, *inputs: str, output: str | None = None, **attributes) -> str:
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

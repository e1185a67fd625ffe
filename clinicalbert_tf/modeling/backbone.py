"""BertConfig -> keras_nlp BertBackbone."""

from typing import Any

import keras
import keras_nlp
from keras import ops

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling.activations import kernel_initializer
from clinicalbert_tf.modeling.encoder_layer import EncoderLayer
from clinicalbert_tf.modeling.keyed_dropout import KeyedDropout
from clinicalbert_tf.modeling.layer_norm import RowNormalization
from clinicalbert_tf.modeling.token_embedding import TokenEmbedding

# What the kernels of attention, activations and layer normalization are written for.
_COMPUTE_DTYPES = ("float32", "bfloat16", "float16")


def pick_inputs(inputs, expected):
    """The entries of a dict of inputs that a model takes.

    Keras pairs a dict with a model's inputs by sorted position: one entry more, and the padding
    mask is taken for something else without an error.

    Args:
        inputs: a dict of tensors, labels and the like included; other structures are left alone.
        expected: the dict of the model's inputs. Keras checked before that none is missing.
    """
    return {name: inputs[name] for name in expected} if isinstance(inputs, dict) else inputs


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class SegmentEmbedding(keras.layers.Embedding):
    """An embedding of few rows, looked up by a matrix product.

    The reference does the same: with two rows the product is faster than gathering, and its
    gradient is dense.
    """

    def call(self, inputs):
        """int tensor [batch, length] -> float tensor [batch, length, hidden]."""
        one_hot = ops.one_hot(inputs, self.input_dim, dtype=self.compute_dtype)
        return ops.matmul(one_hot, ops.cast(self.embeddings, self.compute_dtype))


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class ReferenceBertBackbone(keras_nlp.models.BertBackbone):
    """keras_nlp's BertBackbone with everything that bert_config.json can say.

    It is a BertBackbone in inputs, outputs, attributes and order of weights. keras_nlp's own has
    one dropout, one activation and a fixed initializer.

    Inputs (a dict): token_ids, segment_ids, padding_mask, int tensors [batch, length].
    Outputs (a dict): sequence_output [batch, length, hidden], pooled_output [batch, hidden].

    Args:
        vocabulary_size: rows of the token embedding.
        num_layers: encoder layers.
        num_heads: attention heads a layer.
        hidden_dim: width of the encoder.
        intermediate_dim: width of the feed-forward sublayers.
        dropout: fraction dropped of embeddings and sublayer outputs.
        max_sequence_length: rows of the position embedding, in tokens.
        num_segments: rows of the segment embedding.
        attention_dropout: fraction dropped of the attention probabilities; None for `dropout`.
        hidden_act: activation of the feed-forward sublayers.
        initializer_range: standard deviation of the truncated normal initializer.
        recompute: keep the inputs of the encoder's layers alone for the backward pass.
        dtype: dtype or Keras dtype policy; None for the global one.

    Source: BERT (Devlin et al. 2018), BertModel of modeling.py.
    """

    # Names of the heads that a model has beside its encoder (checkpoints.names.HEADS).
    heads: tuple[str, ...] = ()

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        max_sequence_length=512,
        num_segments=2,
        attention_dropout=None,
        hidden_act="gelu",
        initializer_range=0.02,
        recompute=False,
        dtype=None,
        **kwargs,
    ):
        attention_dropout = dropout if attention_dropout is None else attention_dropout
        self._make_embedding_layers(
            vocabulary_size, hidden_dim, max_sequence_length, num_segments, initializer_range, dtype
        )
        self.embeddings_dropout = KeyedDropout(dropout, dtype=dtype, name="embeddings_dropout")
        self._make_encoder_layers(
            num_layers,
            hidden_dim,
            num_heads=num_heads,
            intermediate_dim=intermediate_dim,
            hidden_act=hidden_act,
            hidden_dropout=dropout,
            attention_dropout=attention_dropout,
            initializer_range=initializer_range,
            recompute=recompute,
            dtype=dtype,
        )
        inputs, outputs = self._connect()
        # Past BertBackbone's own __init__, which would make a second set of layers.
        super(keras_nlp.models.BertBackbone, self).__init__(
            inputs=inputs, outputs=outputs, dtype=dtype, **kwargs
        )
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.cls_token_index = 0
        self.attention_dropout = attention_dropout
        self.hidden_act = hidden_act
        self.initializer_range = initializer_range
        self.recompute = recompute

    def _make_embedding_layers(
        self, vocabulary_size, hidden_dim, max_sequence_length, num_segments, stddev, dtype
    ):
        self.token_embedding = TokenEmbedding(
            input_dim=vocabulary_size,
            output_dim=hidden_dim,
            embeddings_initializer=kernel_initializer(stddev),
            dtype=dtype,
            name="token_embedding",
        )
        self.position_embedding = keras_nlp.layers.PositionEmbedding(
            sequence_length=max_sequence_length,
            initializer=kernel_initializer(stddev),
            dtype=dtype,
            name="position_embedding",
        )
        self.segment_embedding = SegmentEmbedding(
            input_dim=num_segments,
            output_dim=hidden_dim,
            embeddings_initializer=kernel_initializer(stddev),
            dtype=dtype,
            name="segment_embedding",
        )
        self.embeddings_add = keras.layers.Add(dtype=dtype, name="embeddings_add")
        self.embeddings_layer_norm = RowNormalization(dtype=dtype, name="embeddings_layer_norm")

    def _make_encoder_layers(self, num_layers, hidden_dim, **settings):
        """The encoder's layers, alike in all settings but the name, and the pooler."""
        self.transformer_layers = [
            EncoderLayer(**settings, name=f"transformer_layer_{index}")
            for index in range(num_layers)
        ]
        self.pooled_dense = keras.layers.Dense(
            hidden_dim,
            kernel_initializer=kernel_initializer(settings["initializer_range"]),
            activation="tanh",
            dtype=settings["dtype"],
            name="pooled_dense",
        )

    def _connect(self):
        inputs = {
            name: keras.Input(shape=(None,), dtype="int32", name=name)
            for name in ("token_ids", "segment_ids", "padding_mask")
        }
        tokens = self.token_embedding(inputs["token_ids"])
        positions = self.position_embedding(tokens)
        segments = self.segment_embedding(inputs["segment_ids"])
        hidden = self.embeddings_layer_norm(self.embeddings_add((tokens, positions, segments)))
        hidden = self.embeddings_dropout(hidden)
        for layer in self.transformer_layers:
            hidden = layer(hidden, padding_mask=inputs["padding_mask"])
        pooled = self.pooled_dense(hidden[:, 0, :])
        return inputs, {"sequence_output": hidden, "pooled_output": pooled}

    def call(self, inputs, training=None, mask=None):
        return super().call(pick_inputs(inputs, self.input), training=training, mask=mask)

    def get_config(self):
        return {
            **super().get_config(),
            "attention_dropout": self.attention_dropout,
            "hidden_act": self.hidden_act,
            "initializer_range": self.initializer_range,
            "recompute": self.recompute,
        }


def _check_dtype(dtype) -> None:
    policy = keras.config.dtype_policy() if dtype is None else keras.dtype_policies.get(dtype)
    if policy.compute_dtype not in _COMPUTE_DTYPES:
        raise ValueError(
            f"Expected a dtype that computes in {', '.join(_COMPUTE_DTYPES)}, received "
            f"{policy.name!r}. Give float32, mixed_bfloat16 or mixed_float16."
        )


def stock_arguments(config: BertConfig) -> dict[str, Any]:
    """What keras_nlp's own BertBackbone takes for a configuration."""
    return {
        "vocabulary_size": config.vocab_size,
        "num_layers": config.num_hidden_layers,
        "num_heads": config.num_attention_heads,
        "hidden_dim": config.hidden_size,
        "intermediate_dim": config.intermediate_size,
        "dropout": config.hidden_dropout_prob,
        "max_sequence_length": config.max_position_embeddings,
        "num_segments": config.type_vocab_size,
    }


def build_backbone(
    config: BertConfig, dtype=None, recompute: bool = False
) -> ReferenceBertBackbone:
    """Builds the encoder with pooler that a configuration describes, freshly initialised.

    keras.utils.set_random_seed before it makes the weights repeatable.

    Args:
        config: the model's shape.
        dtype: dtype or Keras dtype policy; None for the global one (keras.config).
        recompute: keep only the inputs of the encoder's layers for the backward pass and compute
            the rest again there.

    Returns:
        A keras_nlp BertBackbone; see ReferenceBertBackbone for inputs and outputs.

    Raises:
        ValueError: the layers do not compute in that dtype.
    """
    _check_dtype(dtype)
    return ReferenceBertBackbone(
        **stock_arguments(config),
        attention_dropout=config.attention_probs_dropout_prob,
        hidden_act=config.hidden_act,
        initializer_range=config.initializer_range,
        recompute=recompute,
        dtype=dtype,
        name="backbone",
    )

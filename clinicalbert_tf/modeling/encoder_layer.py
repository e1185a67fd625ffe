"""One layer of BERT's encoder."""

import keras
from keras import ops

from clinicalbert_tf.modeling.activations import activation_function, kernel_initializer

# The reference's, in every layer normalization. Keras and keras_nlp default to larger ones.
LAYER_NORM_EPSILON = 1e-12


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class EncoderLayer(keras.layers.Layer):
    """Self-attention and feed-forward sublayer, each added to its input and then normalized.

    keras_nlp's TransformerEncoder has one dropout for both uses; BERT's configuration has two.

    Args:
        num_heads: attention heads.
        intermediate_dim: width of the feed-forward sublayer.
        hidden_act: activation of the feed-forward sublayer (a key of BertConfig.hidden_act).
        hidden_dropout: fraction dropped of each sublayer's output, in training.
        attention_dropout: fraction dropped of the attention probabilities, in training.
        initializer_range: standard deviation of the kernels' initializer.

    Source: BERT (Devlin et al. 2018), transformer_model of modeling.py.
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        hidden_act: str = "gelu",
        hidden_dropout: float = 0.1,
        attention_dropout: float = 0.1,
        initializer_range: float = 0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.hidden_act = hidden_act
        self.hidden_dropout = hidden_dropout
        self.attention_dropout = attention_dropout
        self.initializer_range = initializer_range

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        self.attention = keras.layers.MultiHeadAttention(
            num_heads=self.num_heads,
            key_dim=hidden_dim // self.num_heads,
            dropout=self.attention_dropout,
            kernel_initializer=kernel_initializer(self.initializer_range),
            dtype=self.dtype_policy,
            name="attention",
        )
        self.attention.build(query_shape=input_shape, value_shape=input_shape)
        self.attention_output_dropout = self._dropout("attention_output_dropout")
        self.attention_layer_norm = self._layer_norm("attention_layer_norm", input_shape)
        # Before the dense layers: keras_nlp's order of weights.
        self.output_layer_norm = self._layer_norm("output_layer_norm", input_shape)
        self.intermediate_dense = self._dense(
            "intermediate_dense",
            self.intermediate_dim,
            input_shape,
            activation=activation_function(self.hidden_act),
        )
        self.output_dense = self._dense(
            "output_dense", hidden_dim, (*input_shape[:-1], self.intermediate_dim)
        )
        self.output_dropout = self._dropout("output_dropout")
        self.built = True

    def _dropout(self, name):
        return keras.layers.Dropout(self.hidden_dropout, dtype=self.dtype_policy, name=name)

    def _layer_norm(self, name, input_shape):
        layer = keras.layers.LayerNormalization(
            epsilon=LAYER_NORM_EPSILON, dtype=self.dtype_policy, name=name
        )
        layer.build(input_shape)
        return layer

    def _dense(self, name, units, input_shape, activation=None):
        layer = keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=kernel_initializer(self.initializer_range),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(input_shape)
        return layer

    def call(self, hidden, padding_mask=None, training=None, return_attention_scores=False):
        """Runs the layer.

        Args:
            hidden: float tensor [batch, length, hidden].
            padding_mask: int or bool tensor [batch, length], 0 where padded; None for no padding.
            training: whether dropout acts.
            return_attention_scores: whether to return the attention probabilities too.

        Returns:
            float tensor [batch, length, hidden]; with return_attention_scores a pair of it and
            the probabilities [batch, heads, length, length].
        """
        mask = None
        if padding_mask is not None:
            mask = ops.expand_dims(ops.cast(padding_mask, "bool"), axis=1)
        attended = self.attention(
            hidden,
            hidden,
            attention_mask=mask,
            training=training,
            return_attention_scores=return_attention_scores,
        )
        scores = None
        if return_attention_scores:
            attended, scores = attended
        attended = self.attention_output_dropout(attended, training=training)
        hidden = self.attention_layer_norm(attended + hidden)
        fed = self.output_dense(self.intermediate_dense(hidden))
        fed = self.output_dropout(fed, training=training)
        hidden = self.output_layer_norm(fed + hidden)
        return (hidden, scores) if return_attention_scores else hidden

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "hidden_act": self.hidden_act,
            "hidden_dropout": self.hidden_dropout,
            "attention_dropout": self.attention_dropout,
            "initializer_range": self.initializer_range,
        }

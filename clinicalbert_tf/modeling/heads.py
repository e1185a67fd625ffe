"""The two heads that BERT is pretrained with."""

import keras
from keras import ops

from clinicalbert_tf.modeling.activations import activation_function, kernel_initializer
from clinicalbert_tf.modeling.layer_norm import RowNormalization


def gather_positions(sequence, positions):
    """Picks the encoder's outputs at the masked positions.

    Args:
        sequence: float tensor [batch, length, hidden], the encoder's output.
        positions: int tensor [batch, predictions], each below length; 0 where padded (weight 0
            there).

    Returns:
        float tensor [batch, predictions, hidden].

    Source: gather_indexes of the BERT reference's run_pretraining.py.
    """
    batch, length, hidden = ops.shape(sequence)
    # One gather over flat rows: take_along_axis would repeat each index `hidden` times.
    row_starts = ops.expand_dims(ops.arange(batch, dtype="int32") * length, axis=1)
    rows = ops.reshape(sequence, (-1, hidden))
    return ops.take(rows, ops.cast(positions, "int32") + row_starts, axis=0)


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class MaskedLanguageModelTransform(keras.layers.Layer):
    """Gathers the masked positions, then dense, activation and layer normalization.

    Args:
        hidden_act: the activation (a key of BertConfig.hidden_act).
        initializer_range: standard deviation of the kernel's initializer.

    Source: get_masked_lm_output of the BERT reference's run_pretraining.py.
    """

    def __init__(self, hidden_act: str = "gelu", initializer_range: float = 0.02, **kwargs):
        super().__init__(**kwargs)
        self.hidden_act = hidden_act
        self.initializer_range = initializer_range

    def build(self, sequence_shape, positions_shape=None):
        self.dense = keras.layers.Dense(
            sequence_shape[-1],
            activation=activation_function(self.hidden_act),
            kernel_initializer=kernel_initializer(self.initializer_range),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.layer_norm = RowNormalization(dtype=self.dtype_policy, name="layer_norm")
        self.dense.build(sequence_shape)
        self.layer_norm.build(sequence_shape)
        self.built = True

    def call(self, sequence, positions):
        """[batch, length, hidden], [batch, predictions] -> float [batch, predictions, hidden]."""
        return self.layer_norm(self.dense(gather_positions(sequence, positions)))

    def compute_output_shape(self, sequence_shape, positions_shape):
        return (*positions_shape, sequence_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_act": self.hidden_act,
            "initializer_range": self.initializer_range,
        }


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class OutputBias(keras.layers.Layer):
    """Adds one bias a wordpiece; float32 in and out under every dtype policy of the model."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")
        self.built = True

    def call(self, logits):
        """float tensor [..., vocabulary] -> float32 tensor of that shape."""
        return ops.add(logits, self.bias)

    def compute_output_shape(self, input_shape):
        return input_shape


def next_sentence_head(initializer_range: float) -> keras.layers.Layer:
    """pooled_output [batch, hidden] -> float32 logits [batch, 2]; class 1 is a random sentence.

    Source: get_next_sentence_output of the BERT reference's run_pretraining.py.
    """
    return keras.layers.Dense(
        2,
        kernel_initializer=kernel_initializer(initializer_range),
        dtype="float32",
        name="next_sentence_head",
    )

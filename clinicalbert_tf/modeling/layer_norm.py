"""Layer normalization as the encoder uses it."""

import keras
from keras import ops

from clinicalbert_tf.modeling.elementwise import normalized_sum, residual_norm

# The reference's, in every layer normalization. Keras and keras_nlp default to larger ones.
LAYER_NORM_EPSILON = 1e-12


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class RowNormalization(keras.layers.LayerNormalization):
    """keras.layers.LayerNormalization over the last axis, in one kernel each way."""

    def __init__(self, epsilon: float = LAYER_NORM_EPSILON, **kwargs):
        super().__init__(epsilon=epsilon, **kwargs)

    def call(self, inputs):
        """float tensor [..., hidden] -> tensor of that shape in the compute dtype."""
        shape = ops.shape(inputs)
        rows = ops.reshape(ops.cast(inputs, self.compute_dtype), (-1, shape[-1]))
        return ops.reshape(self.of_sum(rows), shape)

    def of_sum(self, values, residual=None, key=None, rate: float = 0.0):
        """Normalizes dropout(values) + residual; see elementwise.residual_norm."""
        return residual_norm(values, residual, self.gamma, self.beta, self.epsilon, key, rate)

    def of_sum_predicted(self, values, residual):
        """Normalizes values + residual where no gradient is prepared; the same numbers."""
        return normalized_sum(values, residual, self.gamma, self.beta, self.epsilon)

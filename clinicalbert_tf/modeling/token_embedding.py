"""The token embedding, which is also the masked language model's output projection."""

import keras
import keras_nlp
from keras import ops


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class TokenEmbedding(keras_nlp.layers.ReversibleEmbedding):
    """keras_nlp's ReversibleEmbedding, tied, with a gradient that transposes no large matrix."""

    def call(self, inputs, reverse=False):
        """int tensor [...] -> [..., hidden]; reversed [..., hidden] -> logits [..., vocabulary]."""
        if not reverse:
            return super().call(inputs)
        shape = ops.shape(inputs)
        rows = ops.reshape(inputs, (-1, shape[-1]))
        table = ops.cast(self.embeddings, self.compute_dtype)
        logits = product_with_transposed(ops.cast(rows, self.compute_dtype), table)
        return ops.reshape(logits, (*shape[:-1], self.input_dim))


def product_with_transposed(rows, table):
    """rows [m, k] times the transpose of table [n, k]: [m, n].

    The gradient with respect to the table is made in the table's own layout; derived
    automatically it comes out transposed, and turning it round costs a pass over the vocabulary.
    """

    @ops.custom_gradient
    def apply(rows, table):
        def gradient(*upstream):
            return ops.matmul(upstream[0], table), ops.matmul(ops.transpose(upstream[0]), rows)

        return ops.matmul(rows, ops.transpose(table)), gradient

    return apply(rows, table)

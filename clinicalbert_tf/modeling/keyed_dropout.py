"""Dropout whose masks come from a key."""

import keras
from keras import ops

from clinicalbert_tf.modeling.elementwise import dropout


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class KeyedDropout(keras.layers.Dropout):
    """keras.layers.Dropout with the masks of dropout_mask.

    Its random state is Keras' SeedGenerator. Layers that drop inside a kernel of their own take
    only the key; called, it drops by itself.

    Args:
        rate: fraction dropped in training, 0 <= rate < 1.
    """

    def key(self, training):
        """A new key (uint32 tensor [2]) in training, None if nothing is dropped."""
        if not training or not self.rate:
            return None
        return ops.cast(self.seed_generator.next(), "uint32")

    def call(self, inputs, training=False):
        """float tensor [..., columns] -> float tensor of that shape."""
        key = self.key(training)
        if key is None:
            return inputs
        shape = ops.shape(inputs)
        rows = ops.reshape(inputs, (-1, shape[-1]))
        return ops.reshape(dropout(rows, key, self.rate), shape)

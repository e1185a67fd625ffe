"""The loss of chunks; their vectors are kept too if a vote is learnt over them."""

import tensorflow as tf

from clinicalbert_tf.tasks.classification.objective import ClassificationObjective

VECTORS = "vectors"


class ChunkObjective(ClassificationObjective):
    """ClassificationObjective over chunks, each with its document's label.

    For two labels its softmax cross entropy is the binary cross entropy of the difference of the
    two logits.
    """

    keeps_vectors = False

    def predictions(self, outputs, batch) -> dict[str, tf.Tensor]:
        """The logits of every chunk, and its vector if a vote is learnt over them."""
        kept = super().predictions(outputs, batch)
        if self.keeps_vectors:
            kept[VECTORS] = tf.cast(outputs[VECTORS], tf.float32)
        return kept

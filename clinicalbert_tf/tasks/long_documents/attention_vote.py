"""A vote that is learnt: which chunks count, from their vectors.

Source: attention pooling of Ilse et al. 2018, Attention-based Deep Multiple Instance Learning.
"""

import dataclasses
import io
import os

import numpy as np

from clinicalbert_tf.tasks.long_documents.voting import softmax
from tfrecords_builder.files import write_private

NAME = "attention_vote.npz"
_FIELDS = ("query", "query_bias", "key", "kernel", "bias", "mean", "scale")


@dataclasses.dataclass(frozen=True)
class AttentionVote:
    """What the vote has learnt.

    A document's vector is the mean of its chunks' vectors, weighted by a softmax over the chunks
    of key . tanh(vector @ query + query_bias); its logits are vector @ kernel + bias.

    Attributes:
        query: [hidden, units]; query_bias: [units]; key: [units].
        kernel: [hidden, labels]; bias: [labels].
        mean, scale: [hidden], what vectors are standardized by.
    """

    query: np.ndarray
    query_bias: np.ndarray
    key: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    def weights(self, vectors: np.ndarray, document: np.ndarray) -> np.ndarray:
        """How much each chunk counts in its document: float64 [chunks]; they sum to 1 in each."""
        scores = np.tanh(self._standard(vectors) @ self.query + self.query_bias) @ self.key
        weights = np.empty(len(scores))
        starts = np.flatnonzero(np.r_[True, document[1:] != document[:-1]])
        for start, end in zip(starts, [*starts[1:], len(document)], strict=True):
            weights[start:end] = softmax(scores[None, start:end])[0]
        return weights

    def logits(self, vectors: np.ndarray, document: np.ndarray) -> np.ndarray:
        """Logits of the documents, float64 [documents, labels].

        Args:
            vectors: float [chunks, hidden].
            document: int [chunks], from 0 and in order.
        """
        weighted = self.weights(vectors, document)[:, None] * self._standard(vectors)
        pooled = np.zeros((document.max() + 1, vectors.shape[1]))
        np.add.at(pooled, document, weighted)
        return pooled @ self.kernel + self.bias

    def _standard(self, vectors: np.ndarray) -> np.ndarray:
        return (np.asarray(vectors, np.float64) - self.mean) / self.scale

    def write(self, folder: str) -> None:
        """Writes the vote into a run's folder (0600)."""
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(self, name) for name in _FIELDS})
        write_private(os.path.join(folder, NAME), buffer.getvalue())


def read_vote(folder: str) -> AttentionVote:
    """Reads the vote of a run's folder.

    Raises:
        FileNotFoundError: the run has learnt none.
    """
    path = os.path.join(folder, NAME)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"Expected {NAME} in {folder} for --vote=attention, found none. Train with "
            "--vote=attention, or choose another vote."
        )
    with np.load(path) as stored:
        return AttentionVote(**{name: stored[name] for name in _FIELDS})


def learn_vote(
    vectors: np.ndarray,
    document: np.ndarray,
    targets: np.ndarray,
    multi: bool = False,
    units: int = 32,
    steps: int = 300,
    learning_rate: float = 0.01,
    weight_decay: float = 1e-3,
    seed: int = 0,
) -> AttentionVote:
    """Learns a vote on training documents, all of them in every step.

    Args:
        vectors: float [chunks, hidden], from the fine-tuned model.
        document: int [chunks], from 0 and in order.
        targets: int [documents] label ids, or 0 and 1 [documents, labels] with `multi`.
        multi: whether each label has a probability of its own.
        units: width of the attention.
        steps, learning_rate, weight_decay: of Adam.
        seed: of the first weights.
    """
    import keras
    import tensorflow as tf

    vectors = np.asarray(vectors, np.float32)
    mean, scale = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    inputs = tf.constant((vectors - mean) / scale)
    num_labels = targets.shape[1] if multi else max(2, int(targets.max()) + 1)
    variables = [
        keras.Variable(values.astype(np.float32))
        for values in _first_weights(vectors.shape[1], units, num_labels, seed)
    ]
    goal = tf.constant(targets, tf.float32 if multi else tf.int32)
    document = tf.constant(document, tf.int64)
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=1e-8)
    optimizer.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            values = [variable.value for variable in variables]
            logits = _logits(inputs, document, values)
            if multi:
                losses = tf.nn.sigmoid_cross_entropy_with_logits(goal, logits)
            else:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(goal, logits)
            query, _, key, kernel, _ = values
            decay = tf.add_n([tf.nn.l2_loss(value) for value in (query, key, kernel)])
            loss = tf.reduce_mean(losses) + weight_decay * decay
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]))

    for _ in range(steps):
        step()
    learnt = [variable.numpy().astype(np.float64) for variable in variables]
    return AttentionVote(*learnt, mean.astype(np.float64), scale.astype(np.float64))


def _first_weights(hidden: int, units: int, num_labels: int, seed: int) -> list[np.ndarray]:
    """query, query_bias, key, kernel and bias before the first step."""
    draw = np.random.default_rng(seed)
    query = draw.normal(0, hidden**-0.5, (hidden, units))
    key = draw.normal(0, units**-0.5, units)
    return [query, np.zeros(units), key, np.zeros((hidden, num_labels)), np.zeros(num_labels)]


def _logits(inputs, document, values):
    """What AttentionVote.logits computes, differentiable; inputs are standardized."""
    import tensorflow as tf

    query, query_bias, key, kernel, bias = values
    scores = tf.linalg.matvec(tf.tanh(inputs @ query + query_bias), key)
    scores -= tf.gather(tf.math.segment_max(scores, document), document)
    powers = tf.exp(scores)
    weights = powers / tf.gather(tf.math.segment_sum(powers, document), document)
    return tf.math.segment_sum(weights[:, None] * inputs, document) @ kernel + bias

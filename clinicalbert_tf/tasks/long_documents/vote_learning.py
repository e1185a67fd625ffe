"""Learns the attention vote, from vectors that lie in a file."""

from collections.abc import Iterator

import numpy as np

from clinicalbert_tf.input_pipeline.row_file import RowFile
from clinicalbert_tf.tasks.long_documents.attention_vote import AttentionVote, document_blocks


def learn_vote(
    vectors: np.ndarray | RowFile,
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

    Vectors are read in blocks of whole documents, so that memory does not grow with their number.

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

    blocks = document_blocks(document, vectors.shape[1])
    vote = _first_vote(vectors, blocks, targets, multi, units, seed)
    variables = [keras.Variable(values.astype(np.float32)) for values in _learnt_values(vote)]
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=1e-8)
    optimizer.build(variables)
    gradients = _gradients(variables, targets, multi, weight_decay)
    apply = tf.function(lambda found: optimizer.apply(found))

    def read() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for chunks, documents in blocks:
            inputs = vote.standard(vectors[chunks]).astype(np.float32)
            yield inputs, document[chunks] - documents.start, targets[documents]

    # What is one block stays in memory; more are read in every step.
    kept = list(read()) if len(blocks) == 1 else None
    for _ in range(steps):
        total = None
        for block in kept or read():
            found = gradients(*block)
            total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
        apply(total)
    learnt = [variable.numpy().astype(np.float64) for variable in variables]
    return AttentionVote(*learnt, vote.mean, vote.scale)


def _first_vote(vectors, blocks, targets, multi: bool, units: int, seed: int) -> AttentionVote:
    """The vote before the first step, with what vectors are standardized by."""
    chunks, hidden = vectors.shape
    mean = sum(vectors[part].sum(axis=0, dtype=np.float64) for part, _ in blocks) / chunks
    squares = sum(((vectors[part] - mean) ** 2).sum(axis=0) for part, _ in blocks)
    num_labels = targets.shape[1] if multi else max(2, int(targets.max()) + 1)
    draw = np.random.default_rng(seed)
    return AttentionVote(
        query=draw.normal(0, hidden**-0.5, (hidden, units)),
        query_bias=np.zeros(units),
        key=draw.normal(0, units**-0.5, units),
        kernel=np.zeros((hidden, num_labels)),
        bias=np.zeros(num_labels),
        mean=mean,
        scale=np.sqrt(squares / chunks) + 1e-6,
    )


def _learnt_values(vote: AttentionVote) -> tuple[np.ndarray, ...]:
    return vote.query, vote.query_bias, vote.key, vote.kernel, vote.bias


def _gradients(variables, targets: np.ndarray, multi: bool, weight_decay: float):
    """A function of a block: its part of the gradients of the loss over all documents.

    Its arguments: standardized vectors [chunks, hidden]; their documents [chunks], from 0; targets.
    """
    import tensorflow as tf

    kind = tf.float32 if multi else tf.int32

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, variables[0].shape[0]], tf.float32),
            tf.TensorSpec([None], tf.int64),
            tf.TensorSpec([None, *targets.shape[1:]], kind),
        ]
    )
    def of_block(inputs, document, goal):
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
            loss *= tf.cast(tf.shape(goal)[0] / len(targets), tf.float32)
        return tape.gradient(loss, [variable.value for variable in variables])

    return lambda inputs, document, goal: of_block(inputs, document, tf.constant(goal, kind))


def _logits(inputs, document, values):
    """What AttentionVote.logits computes, differentiable; inputs are standardized."""
    import tensorflow as tf

    query, query_bias, key, kernel, bias = values
    scores = tf.linalg.matvec(tf.tanh(inputs @ query + query_bias), key)
    scores -= tf.gather(tf.math.segment_max(scores, document), document)
    powers = tf.exp(scores)
    weights = powers / tf.gather(tf.math.segment_sum(powers, document), document)
    return tf.math.segment_sum(weights[:, None] * inputs, document) @ kernel + bias

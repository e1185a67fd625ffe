"""A linear-chain conditional random field over the labelled positions of a sequence.

Positions that carry no label (later wordpieces, [CLS], [SEP], padding) are stepped over: the chain
runs from one labelled position to the next.

Source: Lafferty et al. 2001; Lample et al. 2016, section 2.
"""

import keras
from keras import ops


def log_likelihood(emissions, labels, mask, begin, follow, end):
    """The log-likelihood of label sequences.

    Args:
        emissions: float [batch, length, labels], scores of each label at each position.
        labels: int [batch, length], the label at each position; any where the mask is 0.
        mask: [batch, length], 1 for the positions of the chain.
        begin: float [labels], scores of the first label.
        follow: float [labels, labels], scores of a label (column) behind another (row).
        end: float [labels], scores of the last label.

    Returns:
        float [batch]; 0 for a sequence without a position.
    """
    count = emissions.shape[-1]
    one_hot = ops.one_hot(ops.maximum(labels, 0), count, dtype=emissions.dtype)
    mask = ops.cast(mask, emissions.dtype)

    def step(carry, inputs):
        alphas, gold, previous, started = carry
        scores, label, inside = inputs[:, :count], inputs[:, count:-1], inputs[:, -1:]
        # The first position takes `begin`, a later one comes from the position before it.
        arriving = ops.logsumexp(alphas[:, :, None] + follow[None], axis=1)
        gold_arriving = ops.matmul(previous, follow)
        advanced = scores + started * arriving + (1.0 - started) * begin[None]
        gold_scores = scores + started * gold_arriving + (1.0 - started) * begin[None]
        carry = (
            inside * advanced + (1.0 - inside) * alphas,
            gold + inside * ops.sum(label * gold_scores, axis=-1, keepdims=True),
            inside * label + (1.0 - inside) * previous,
            ops.maximum(started, inside),
        )
        return carry, carry

    nothing = ops.zeros_like(emissions[:, 0])
    (alphas, gold, last, started), _ = ops.scan(
        step,
        (nothing, nothing[:, :1], nothing, nothing[:, :1]),
        _by_time(emissions, one_hot, mask[:, :, None]),
    )
    total = ops.logsumexp(alphas + end[None], axis=-1)
    return started[:, 0] * (gold[:, 0] + ops.sum(last * end[None], axis=-1) - total)


def _by_time(*values):
    """[batch, length, n] each -> one [length, batch, sum of n].

    One tensor, as Keras' scan takes several only if their length is known when it is traced.
    """
    joined = values[0] if len(values) == 1 else ops.concatenate(values, axis=-1)
    return ops.transpose(joined, (1, 0, 2))


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class CrfScores(keras.layers.Layer):
    """The trained scores of labels that follow one another; zero at first.

    Inputs: logits [..., labels], for the number of labels alone.
    Outputs: begin [labels], follow [labels, labels], end [labels], float32.
    """

    def build(self, input_shape):
        count = input_shape[-1]
        self.begin = self.add_weight((count,), initializer="zeros", name="begin")
        self.follow = self.add_weight((count, count), initializer="zeros", name="follow")
        self.end = self.add_weight((count,), initializer="zeros", name="end")

    def call(self, logits):
        return tuple(
            ops.cast(ops.convert_to_tensor(scores), "float32")
            for scores in (self.begin, self.follow, self.end)
        )

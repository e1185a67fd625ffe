"""LAMB: Adam whose step is scaled to each layer's own weights, for large batches."""

import tensorflow as tf

from clinicalbert_tf.training.updates.adamw import share_seen
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, assign, moments, read


def update_lamb(handles, gradient, numbers, *, decayed, decay_rate, beta_1, beta_2, epsilon):
    """Updates one variable and its slots.

    Args:
        handles: resource handles of the variable and its slots m and v, all of one shape.
        gradient: float32 tensor of that shape, before the clip.
        numbers: scalar tensors: "learning_rate", the "factor" of the clip, "step" (int64, steps
            made before), and with a loss scale "finite" and "skipped" (int64).
        decayed: whether weight decay and the trust ratio apply.
        decay_rate, beta_1, beta_2, epsilon: constants.
    """
    variable, m, v = read(handles)
    next_m, next_v = moments(m, v, gradient * numbers["factor"], beta_1, beta_2)
    # A step that was skipped left the means as they were, so it does not count here.
    updates = tf.cast(numbers["step"] - numbers.get("skipped", 0) + 1, tf.float32)
    mean = next_m / share_seen(beta_1, updates)
    update = mean / (tf.sqrt(next_v / share_seen(beta_2, updates)) + epsilon)
    rate = numbers["learning_rate"]
    if decayed:
        update += decay_rate * variable
        rate *= _trust_ratio(tf.norm(variable), tf.norm(update))
    assign(handles, (variable - rate * update, next_m, next_v), numbers.get("finite"))


def _trust_ratio(weight_norm, update_norm):
    known = (weight_norm > 0.0) & (update_norm > 0.0)
    return tf.where(known, weight_norm / tf.where(known, update_norm, 1.0), 1.0)


class Lamb(AdamWeightDecay):
    """LAMB as it was published for BERT.

    With bias correction and the identity as scaling function; LayerNorm and bias have neither
    weight decay nor a trust ratio. The one of keras.optimizers leaves weight decay out of the
    trust ratio and excludes nothing from it.

    Arguments, attributes and `apply` are AdamWeightDecay's, the clip by the global norm included.

    Source: You et al. 2019, Large Batch Optimization for Deep Learning (arXiv 1904.00962),
    algorithm 2.
    """

    kernel = staticmethod(update_lamb)

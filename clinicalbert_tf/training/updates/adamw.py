"""AdamW as it was published: Adam with bias correction and decoupled weight decay."""

import math

import tensorflow as tf

from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, assign, moments, read

# As in Adam's paper and in torch.optim.AdamW; BERT's 1e-6 stands inside uncorrected moments.
EPSILON = 1e-8


def update_corrected(handles, gradient, numbers, *, decayed, decay_rate, beta_1, beta_2, epsilon):
    """Updates one variable and its slots; see optimizer.update_adamw for the arguments.

    `numbers` also holds "step" (int64, steps made before) and with a loss scale "skipped".
    """
    variable, m, v = read(handles)
    next_m, next_v = moments(m, v, gradient * numbers["factor"], beta_1, beta_2)
    # A step that was skipped left the means as they were, so it does not count here.
    updates = tf.cast(numbers["step"] - numbers.get("skipped", 0) + 1, tf.float32)
    mean = next_m / share_seen(beta_1, updates)
    update = mean / (tf.sqrt(next_v / share_seen(beta_2, updates)) + epsilon)
    if decayed:
        update += decay_rate * variable
    value = variable - numbers["learning_rate"] * update
    assign(handles, (value, next_m, next_v), numbers.get("finite"))


def share_seen(beta: float, updates):
    """1 - beta ** updates, without the rounding of a power close to 1."""
    return -tf.math.expm1(updates * math.log(beta))


class AdamW(AdamWeightDecay):
    """AdamW with bias correction.

    Without it, the first updates are several times too large, which is why fine-tuning BERT on
    small data sets with its own Adam fails now and then. Arguments, attributes and `apply` are
    AdamWeightDecay's, the clip by the global norm included.

    Source: Kingma and Ba 2015; Loshchilov and Hutter 2019; Mosbach et al. 2021 on fine-tuning.
    """

    kernel = staticmethod(update_corrected)

    def __init__(self, *args, epsilon: float = EPSILON, **kwargs):
        super().__init__(*args, epsilon=epsilon, **kwargs)

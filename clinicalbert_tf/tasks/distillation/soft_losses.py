"""How far a student's outputs are from its teacher's.

All are float32 [examples or positions], one for each distribution: the Kullback-Leibler
divergence from the teacher's distribution to the student's at a temperature, times its square, so
that the gradient keeps its size whatever the temperature is.

Source: Hinton et al. 2015, Distilling the knowledge in a neural network, section 2.
"""

import tensorflow as tf

_MASKED = -1e9


def soft_cross_entropy(student, teacher, temperature: float, mask=None) -> tf.Tensor:
    """Divergence over the last axis, for choices among classes or positions.

    Args:
        student, teacher: float tensors [..., choices], logits.
        temperature: divides both logits.
        mask: bool tensor that broadcasts to them, False for what is no choice; None for all.
    """
    student, teacher = (tf.cast(logits, tf.float32) / temperature for logits in (student, teacher))
    if mask is not None:
        student, teacher = (tf.where(mask, logits, _MASKED) for logits in (student, teacher))
    wanted = tf.nn.softmax(teacher)
    apart = tf.nn.log_softmax(teacher) - tf.nn.log_softmax(student)
    return temperature**2 * tf.reduce_sum(wanted * apart, axis=-1)


def soft_binary_cross_entropy(student, teacher, temperature: float) -> tf.Tensor:
    """Sum of the divergences of independent yes/no choices over the last axis."""
    student, teacher = (tf.cast(logits, tf.float32) / temperature for logits in (student, teacher))
    wanted = tf.sigmoid(teacher)
    cross = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=student)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=teacher)
    return temperature**2 * tf.reduce_sum(cross - entropy, axis=-1)


def squared_error(student, teacher, temperature: float) -> tf.Tensor:
    """Mean squared difference over the last axis, for numbers; no temperature applies."""
    del temperature
    difference = tf.cast(student, tf.float32) - tf.cast(teacher, tf.float32)
    return tf.reduce_mean(tf.square(difference), axis=-1)

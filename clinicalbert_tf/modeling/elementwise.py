"""What a layer does between its matrix products, each with its gradient written by hand.

Every function here is one kernel forward and one backward: a pass over memory where compiled
(see compilation), and few tensors kept for the backward pass. Arithmetic is in float32 whatever
the compute dtype: on processors that multiply bfloat16 matrices fast, bfloat16 elementwise work
is slower than float32.
"""

import math

from keras import backend, ops

from clinicalbert_tf.modeling.compilation import compiled
from clinicalbert_tf.modeling.dropout_mask import drop

_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
_CUBIC = _SLOPE * 0.044715


def widened(values):
    """float32 of half precision values; wider ones as they are."""
    short = backend.standardize_dtype(values.dtype) in ("bfloat16", "float16")
    return ops.cast(values, "float32") if short else values


def gelu(values):
    """Gaussian error linear unit in BERT's tanh form; only `values` is kept for the gradient.

    Args:
        values: float tensor.
    """
    forward, backward = compiled(gelu_values), compiled(gelu_gradient)

    @ops.custom_gradient
    def apply(values):
        return forward(values), lambda *upstream: backward(values, upstream[0])

    return apply(values)


def gelu_values(values):
    """0.5 x (1 + tanh(u)) = x sigmoid(2u): two operations less than the form with tanh."""
    x = widened(values)
    gate = ops.sigmoid(x * (_CUBIC * (x * x) + _SLOPE))
    return ops.cast(x * gate, values.dtype)


def gelu_gradient(values, upstream):
    """The gradient with respect to `values`, made from `values` alone."""
    x = widened(values)
    cubic = _CUBIC * (x * x)
    gate = ops.sigmoid(x * (cubic + _SLOPE))
    slope = gate + x * gate * (1.0 - gate) * (3.0 * cubic + _SLOPE)
    return ops.cast(slope * widened(upstream), values.dtype)


def residual_norm(values, residual, gamma, beta, epsilon: float, key=None, rate: float = 0.0):
    """Layer normalization of dropout(values) + residual.

    Args:
        values: float tensor [rows, hidden], a sublayer's output.
        residual: float tensor [rows, hidden], the sublayer's input; None for plain normalization.
        gamma: float tensor [hidden], the scale.
        beta: float tensor [hidden], the offset.
        epsilon: added to the variance.
        key: key of the dropout mask; None for no dropout.
        rate: fraction dropped.

    Returns:
        float tensor [rows, hidden] in the dtype of `values`.

    Source: dropout and layer_norm after each sublayer in transformer_model of the BERT reference.
    """
    forward, backward = compiled(_norm_values), compiled(_norm_gradient)

    @ops.custom_gradient
    def apply(values, gamma, beta, *residual):
        result, normalized, scale = forward(
            values, gamma, beta, *residual, key=key, rate=rate, epsilon=epsilon
        )

        def gradient(*upstream):
            into_sum, into_values, into_gamma, into_beta = backward(
                upstream[0], normalized, scale, gamma, key=key, rate=rate
            )
            return (into_values, into_gamma, into_beta, *[into_sum for _ in residual])

        return result, gradient

    # TensorFlow takes variables for hidden arguments of the function; a cast reads their values.
    weights = [ops.cast(weight, weight.dtype) for weight in (gamma, beta)]
    return apply(values, *weights, *(() if residual is None else (residual,)))


def normalized_sum(values, residual, gamma, beta, epsilon: float):
    """Like residual_norm without dropout; its gradient, if one is taken, is derived."""
    weights = [ops.cast(weight, weight.dtype) for weight in (gamma, beta)]
    return _norm_values(values, *weights, residual, key=None, rate=0.0, epsilon=epsilon)[0]


def _norm_values(values, gamma, beta, *residual, key, rate, epsilon):
    total = drop(widened(values), key, rate)
    for addend in residual:
        total = total + widened(addend)
    centred = total - ops.mean(total, axis=-1, keepdims=True)
    scale = ops.rsqrt(ops.mean(centred * centred, axis=-1, keepdims=True) + epsilon)
    normalized = centred * scale
    result = normalized * widened(gamma) + widened(beta)
    return ops.cast(result, values.dtype), ops.cast(normalized, values.dtype), scale


def _norm_gradient(upstream, normalized, scale, gamma, *, key, rate):
    wide, norm = widened(upstream), widened(normalized)
    product = wide * norm
    into_norm = wide * widened(gamma)
    common = ops.mean(into_norm, axis=-1, keepdims=True)
    along = ops.mean(into_norm * norm, axis=-1, keepdims=True)
    into_sum = scale * (into_norm - common - norm * along)
    return (
        ops.cast(into_sum, upstream.dtype),
        ops.cast(drop(into_sum, key, rate), upstream.dtype),
        ops.cast(ops.sum(product, axis=0), gamma.dtype),
        ops.cast(ops.sum(wide, axis=0), gamma.dtype),
    )


def dropout(values, key, rate: float):
    """Dropout of a matrix; the gradient makes the mask again.

    Args:
        values: float tensor [rows, columns].
        key: key of the mask; None drops nothing.
        rate: fraction dropped.
    """
    if key is None:
        return values
    kernel = compiled(drop)

    @ops.custom_gradient
    def apply(values):
        dropped = kernel(values, key, rate=rate)
        return dropped, lambda *upstream: kernel(upstream[0], key, rate=rate)

    return apply(values)

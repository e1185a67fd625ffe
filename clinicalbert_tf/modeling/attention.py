"""Self-attention between its two dense layers, with its gradient written by hand."""

import math

from keras import ops

from clinicalbert_tf.modeling.compilation import compiled
from clinicalbert_tf.modeling.dropout_mask import drop
from clinicalbert_tf.modeling.elementwise import widened

# Far below any score, and small enough to keep scores finite in float32.
_MASKED = -1e9


def mask_offsets(padding_mask):
    """int or bool tensor [batch, length], 0 where padded -> float32, what to add to the scores."""
    padded = ops.equal(padding_mask, ops.zeros((), padding_mask.dtype))
    return _MASKED * ops.cast(padded, "float32")


def self_attention(projected, offsets, num_heads: int, key=None, rate: float = 0.0):
    """Mixes the values by the softmax of scaled products of queries and keys.

    Args:
        projected: float tensor [batch, length, 3 * hidden], queries, keys and values side by side.
        offsets: float32 tensor [batch, length], added to the scores of each key.
        num_heads: attention heads.
        key: key of the dropout mask of the probabilities; None for no dropout.
        rate: fraction dropped.

    Returns:
        float tensor [batch, length, hidden].

    Source: attention_layer of the BERT reference.
    """
    split, merge = compiled(split_heads), compiled(merge_heads)
    forward, backward = compiled(_probabilities), compiled(_score_gradient)

    @ops.custom_gradient
    def apply(projected):
        query, keys, value = split(projected, parts=3, num_heads=num_heads)
        scores = ops.matmul(query, _transposed(keys))
        whole, dropped = forward(scores, offsets, key, rate=rate, scale=_scale(query))
        mixed = ops.matmul(dropped, value)

        def gradient(*upstream):
            (into_mixed,) = split(upstream[0], parts=1, num_heads=num_heads)
            into_dropped = ops.matmul(into_mixed, _transposed(value))
            into_scores = backward(
                whole, into_dropped, mixed, into_mixed, key, rate=rate, scale=_scale(query)
            )
            return merge(
                ops.matmul(into_scores, keys),
                ops.matmul(_transposed(into_scores), query),
                ops.matmul(_transposed(dropped), into_mixed),
            )

        return merge(mixed), gradient

    return apply(projected)


def mix_values(query, keys, value, offsets):
    """Like self_attention between split_heads and merge_heads, without dropout.

    Args:
        query, keys, value: float tensors [batch, heads, length, head size].
        offsets: float32 tensor [batch, length], added to the scores of each key.

    Returns:
        float tensor [batch, heads, length, head size].
    """
    scores = ops.matmul(query, _transposed(keys))
    return ops.matmul(
        _probabilities(scores, offsets, None, rate=0.0, scale=_scale(query))[0], value
    )


def attention_probabilities(projected, offsets, num_heads: int):
    """The probabilities that self_attention mixes with, before dropout.

    Returns:
        float tensor [batch, heads, length, length], the keys last.
    """
    query, keys, _ = split_heads(projected, parts=3, num_heads=num_heads)
    scores = ops.matmul(query, _transposed(keys))
    return _probabilities(scores, offsets, None, rate=0.0, scale=_scale(query))[0]


def split_heads(projected, *, parts: int, num_heads: int):
    """[batch, length, parts * hidden] -> `parts` tensors [batch, heads, length, head size]."""
    batch, length, width = ops.shape(projected)
    shape = (batch, length, parts, num_heads, width // (parts * num_heads))
    heads = ops.transpose(ops.reshape(projected, shape), (2, 0, 3, 1, 4))
    return [heads[part] for part in range(parts)]


def merge_heads(*parts):
    """Tensors [batch, heads, length, head size] -> [batch, length, parts * hidden]."""
    batch, heads, length, size = ops.shape(parts[0])
    merged = [
        ops.reshape(ops.transpose(part, (0, 2, 1, 3)), (batch, length, heads * size))
        for part in parts
    ]
    return ops.concatenate(merged, axis=-1) if len(merged) > 1 else merged[0]


def _transposed(matrices):
    return ops.transpose(matrices, (0, 1, 3, 2))


def _scale(query) -> float:
    return 1.0 / math.sqrt(query.shape[-1])


def _dropped(probabilities, key, rate):
    shape = ops.shape(probabilities)
    rows = ops.reshape(probabilities, (-1, shape[-1]))
    return ops.reshape(drop(rows, key, rate), shape)


def _probabilities(scores, offsets, key, *, rate, scale):
    """The probabilities, whole and dropped."""
    logits = widened(scores) * scale + offsets[:, None, None, :]
    whole = ops.softmax(logits, axis=-1)
    dropped = whole if key is None else _dropped(whole, key, rate)
    return ops.cast(whole, scores.dtype), ops.cast(dropped, scores.dtype)


def _score_gradient(whole, into_dropped, mixed, into_mixed, key, *, rate, scale):
    """The gradient with respect to the scores.

    The mean of the incoming gradient under the probabilities equals the product of the outputs
    with their gradients, which is a far smaller sum.
    """
    mean = ops.sum(widened(mixed) * widened(into_mixed), axis=-1, keepdims=True)
    into_whole = widened(into_dropped)
    into_whole = into_whole if key is None else _dropped(into_whole, key, rate)
    return ops.cast(widened(whole) * (into_whole - mean) * scale, whole.dtype)

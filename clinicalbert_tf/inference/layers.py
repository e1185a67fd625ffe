"""The encoder's layers as outputs, and the functions of them that a Predictor runs."""

import keras
import tensorflow as tf
from keras import ops

from clinicalbert_tf.inference.settings import POOLINGS


def resolve_layers(layers: tuple[int, ...], count: int) -> list[int]:
    """Layer numbers, counted from 0 at the first encoder layer, of the reference's indexes.

    Args:
        layers: -1 for the last layer, -2 for the one below it; 0 for the first.
        count: encoder layers of the model.

    Raises:
        ValueError: the model has no such layer, none is asked for, or one twice.
    """
    wrong = [layer for layer in layers if not -count <= layer < count]
    if wrong or not layers or len(set(layers)) < len(layers):
        raise ValueError(
            f"Expected different layers from {-count} to {count - 1} for a model of {count} "
            f"encoder layers, received {', '.join(map(str, layers)) or 'none'}. Correct --layers."
        )
    return [layer % count for layer in layers]


def build_layers_model(backbone, layers: tuple[int, ...]) -> keras.Model:
    """A submodel that ends at the highest layer asked for.

    Args:
        backbone: a keras_nlp BertBackbone; its weights are shared, not copied.
        layers: the reference's indexes, -1 for the last encoder layer.

    Returns:
        A model from the backbone's inputs to {index: [batch, length, hidden]}, the indexes as
        text.

    Raises:
        ValueError: see resolve_layers.
    """
    numbers = resolve_layers(layers, backbone.num_layers)
    outputs = {
        str(layer): backbone.get_layer(f"transformer_layer_{number}").output
        for layer, number in zip(layers, numbers, strict=True)
    }
    return keras.Model(backbone.input, outputs, name="layers")


def token_function(backbone, layers: tuple[int, ...]):
    """A function for all token vectors, for a Predictor.

    Args:
        backbone: a keras_nlp BertBackbone.
        layers: the reference's indexes, -1 for the last encoder layer.

    Returns:
        A function of a dict of token_ids, segment_ids and padding_mask, int32 [batch, length], to
        {"hidden": float32 [batch, length, layers, hidden]}.
    """
    model = build_layers_model(backbone, layers)

    def run(inputs):
        return {"hidden": tf.stack(_run_layers(model, layers, inputs), axis=2)}

    return run


def pooling_function(backbone, layers: tuple[int, ...], pooling: str):
    """A function for one vector per sequence, over the tokens that it owns, for a Predictor.

    Args:
        backbone: a keras_nlp BertBackbone.
        layers: the reference's indexes, -1 for the last encoder layer.
        pooling: "mean" gives sums (to be divided by the number of owned tokens once the windows
            of a text are together), "cls" the first token, "max" the largest value.

    Returns:
        A function of a dict of token_ids, segment_ids, padding_mask, int32 [batch, length],
        owned_start and owned_end, int32 [batch], to {"pooled": float32 [batch, layers * hidden]}.

    Raises:
        ValueError: there is no such pooling, or no such layer.
    """
    if pooling not in POOLINGS:
        raise ValueError(
            f"Expected pooling to be one of {', '.join(POOLINGS)}, received {pooling!r}. "
            "Correct --pooling."
        )
    model = build_layers_model(backbone, layers)

    def run(inputs):
        places = tf.range(tf.shape(inputs["token_ids"])[1])
        owned = places >= inputs["owned_start"][:, None]
        owned &= places < inputs["owned_end"][:, None]
        hidden = _run_layers(model, layers, inputs)
        return {"pooled": tf.concat([_pool(layer, owned, pooling) for layer in hidden], axis=-1)}

    return run


def _run_layers(model, layers, inputs) -> list[tf.Tensor]:
    names = ("token_ids", "segment_ids", "padding_mask")
    outputs = model({name: inputs[name] for name in names}, training=False)
    return [tf.cast(outputs[str(layer)], tf.float32) for layer in layers]


def _pool(hidden, owned, pooling: str):
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "mean":
        # A product with the mask: one pass over the tokens, no masked copy of them.
        weights = ops.cast(owned, "float32")[:, None, :]
        return ops.matmul(weights, hidden)[:, 0]
    return ops.max(ops.where(owned[:, :, None], hidden, -float("inf")), axis=1)

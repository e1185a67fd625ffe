"""The encoder layer by layer, from embeddings that may be other than the model's own."""

from clinicalbert_tf.modeling.backbone import ReferenceBertBackbone


def embed_tokens(backbone: ReferenceBertBackbone, token_ids):
    """int tensor [batch, length] -> the token embeddings, float [batch, length, hidden]."""
    return backbone.token_embedding(token_ids)


def encode(backbone: ReferenceBertBackbone, token_embeddings, segment_ids, padding_mask):
    """Runs the encoder without dropout, from token embeddings.

    Args:
        backbone: the encoder.
        token_embeddings: float tensor [batch, length, hidden].
        segment_ids, padding_mask: int tensors [batch, length].

    Returns:
        pooled_output, float tensor [batch, hidden], and a list of the attention probabilities of
        each layer, float tensors [batch, heads, length, length], the keys last.
    """
    positions = backbone.position_embedding(token_embeddings)
    segments = backbone.segment_embedding(segment_ids)
    hidden = backbone.embeddings_add((token_embeddings, positions, segments))
    hidden = backbone.embeddings_layer_norm(hidden)
    attention = []
    for layer in backbone.transformer_layers:
        hidden, probabilities = layer(
            hidden, padding_mask=padding_mask, training=False, return_attention_scores=True
        )
        attention.append(probabilities)
    return backbone.pooled_dense(hidden[:, 0, :]), attention


def attention_weights(backbone: ReferenceBertBackbone, inputs: dict):
    """The attention of all layers and heads on one text.

    Args:
        backbone: the encoder.
        inputs: its inputs, a batch of one.

    Returns:
        float32 array [layers, heads, length, length]: how much the token of the row looks at the
        token of the column; each row sums to 1.
    """
    import numpy as np

    embeddings = embed_tokens(backbone, inputs["token_ids"])
    _, attention = encode(backbone, embeddings, inputs["segment_ids"], inputs["padding_mask"])
    return np.stack([np.asarray(layer[0], np.float32) for layer in attention])

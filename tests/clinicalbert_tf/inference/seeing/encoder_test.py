"""Attention weights, against the same computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.inference.seeing.encoder import attention_weights
from clinicalbert_tf.inference.seeing.windows import text_windows
from tests.clinicalbert_tf.inference.seeing import tiny_classifier as tiny


def normalized(rows, layer):
    mean, variance = rows.mean(-1, keepdims=True), rows.var(-1, keepdims=True)
    gamma, beta = (np.asarray(weight, np.float64) for weight in layer.weights)
    return (rows - mean) / np.sqrt(variance + 1e-12) * gamma + beta


def gelu(values):
    inner = math.sqrt(2 / math.pi) * (values + 0.044715 * values**3)
    return values * 0.5 * (1 + np.tanh(inner))


def dense(rows, layer):
    kernel, bias = (np.asarray(weight, np.float64) for weight in (layer.kernel, layer.bias))
    return rows @ kernel.reshape(rows.shape[-1], -1) + bias.reshape(-1)


def by_hand(backbone, ids):
    """The encoder in loops and float64; the attention of each layer and head."""
    length = len(ids)
    hidden = (
        np.asarray(backbone.token_embedding.embeddings, np.float64)[ids]
        + np.asarray(backbone.position_embedding.weights[0], np.float64)[:length]
        + np.asarray(backbone.segment_embedding.embeddings, np.float64)[0]
    )
    hidden = normalized(hidden, backbone.embeddings_layer_norm)
    found = []
    for layer in backbone.transformer_layers:
        inner = layer.attention
        query, key, value = (
            dense(hidden, d) for d in (inner.query_dense, inner.key_dense, inner.value_dense)
        )
        size = hidden.shape[1] // layer.num_heads
        mixed, heads = np.zeros_like(hidden), []
        for head in range(layer.num_heads):
            part = slice(head * size, (head + 1) * size)
            weights = np.zeros((length, length))
            for row in range(length):
                scores = [query[row, part] @ key[column, part] for column in range(length)]
                exponentials = [math.exp(score / math.sqrt(size)) for score in scores]
                weights[row] = np.array(exponentials) / sum(exponentials)
            mixed[:, part] = weights @ value[:, part]
            heads.append(weights)
        found.append(heads)
        kernel = np.asarray(inner.output_dense.kernel, np.float64).reshape(hidden.shape[1], -1)
        attended = mixed @ kernel + np.asarray(inner.output_dense.bias, np.float64)
        hidden = normalized(hidden + attended, layer.attention_layer_norm)
        fed = dense(gelu(dense(hidden, layer.intermediate_dense)), layer.output_dense)
        hidden = normalized(hidden + fed, layer.output_layer_norm)
    return np.array(found)


class AttentionWeightsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tokenizer, cls.classifier = tiny.tokenizer(), tiny.classifier()

    def test_weights_equal_a_hand_computation(self):
        (window,) = text_windows(self.tokenizer, "The patient denies chest pain and sepsis.", 32)
        weights = attention_weights(self.classifier.backbone, window.inputs())
        self.assertEqual(weights.shape, (2, 4, len(window.tokens), len(window.tokens)))
        expected = by_hand(self.classifier.backbone, window.token_ids)
        self.assertAllClose(weights, expected, rtol=0, atol=1e-6)
        # Uneven, so that a mix-up of heads, rows or columns would show.
        self.assertGreater(expected.std(), 0.02)

    def test_layer_by_layer_gives_the_models_own_logits(self):
        from clinicalbert_tf.inference.seeing.encoder import embed_tokens, encode

        (window,) = text_windows(self.tokenizer, "no fever", 32)
        inputs = window.inputs()
        embeddings = embed_tokens(self.classifier.backbone, inputs["token_ids"])
        pooled, _ = encode(
            self.classifier.backbone, embeddings, inputs["segment_ids"], inputs["padding_mask"]
        )
        self.assertAllClose(
            self.classifier.head(pooled), self.classifier(inputs)["logits"], rtol=0, atol=1e-6
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""The count of a step's matrix products, against one made by hand from the layers."""

import pytest

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.training.watching.operations import pretraining_operations


def config(**changes):
    return BertConfig(
        **{
            "vocab_size": 100, "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2,
            "intermediate_size": 20, "max_position_embeddings": 16, "type_vocab_size": 2,
        }
        | changes
    )  # fmt: skip


def product(m, k, n):
    """Forward, and backward for both factors."""
    return 3 * 2 * m * k * n


def test_every_product_of_the_model_is_counted_once():
    batch, length, predictions, hidden, heads = 4, 10, 2, 8, 2
    rows, head_size = batch * length, hidden // heads
    layer = (
        3 * product(rows, hidden, hidden)
        + batch * heads * product(length, head_size, length)
        + batch * heads * product(length, length, head_size)
        + product(rows, hidden, hidden)
        + product(rows, hidden, 20)
        + product(rows, 20, hidden)
    )
    masked = batch * predictions
    heads_of_model = product(masked, hidden, hidden) + product(masked, hidden, 100)
    pooler = product(batch, hidden, hidden)
    expected = 3 * layer + heads_of_model + pooler
    assert pretraining_operations(config(), batch, length, predictions) == expected


def test_base_size_takes_what_the_published_benchmark_says():
    base = config(
        vocab_size=28996, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
        intermediate_size=3072, max_position_embeddings=512,
    )  # fmt: skip
    assert pretraining_operations(base, 32, 128, 20) == pytest.approx(2.233e12, rel=1e-3)
    # Six operations a weight and token, the rule of thumb, without embeddings and attention.
    weights = 12 * 12 * 768**2
    assert pretraining_operations(base, 32, 128, 0) == pytest.approx(
        6 * weights * 32 * 128, rel=0.05
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

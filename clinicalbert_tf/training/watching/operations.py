"""The matrix products of a training step, counted."""

from clinicalbert_tf.config import BertConfig


def encoder_operations(config: BertConfig, examples: float, length: float) -> float:
    """Additions and multiplications of the encoder's matrix products, forward and backward pass.

    A forward product of [m, k] and [k, n] takes 2 m k n of them and its backward pass twice as
    many. What is done for other reasons (activations computed again, elementwise work) is not
    counted, so the share of the device's rate says how much of it goes into the model.

    Args:
        config: the model.
        examples: examples per step.
        length: positions per example, padding included, as those are multiplied too.

    Source: counted from the layers of BERT (Devlin et al. 2018); the way of PaLM (Chowdhery et
    al. 2022), appendix B, but with the heads, which each task adds.
    """
    hidden, rows = config.hidden_size, examples * length
    dense = rows * hidden * (4 * hidden + 2 * config.intermediate_size)
    attention = 2 * rows * length * hidden
    return 6.0 * config.num_hidden_layers * (dense + attention)


def pretraining_operations(
    config: BertConfig, examples: float, length: float, predictions: int
) -> float:
    """Those of the encoder, the masked language model head and the pooler.

    Args:
        config, examples, length: as in encoder_operations.
        predictions: masked positions per example.
    """
    hidden = config.hidden_size
    masked_lm = examples * predictions * hidden * (hidden + config.vocab_size)
    pooler = examples * hidden**2
    return encoder_operations(config, examples, length) + 6.0 * (masked_lm + pooler)

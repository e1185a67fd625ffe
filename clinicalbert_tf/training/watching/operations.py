"""The matrix products of a training step, counted."""

from clinicalbert_tf.config import BertConfig


def step_operations(config: BertConfig, batch: float, length: float, predictions: int) -> float:
    """Additions and multiplications of a step's matrix products, forward and backward pass.

    A forward product of [m, k] and [k, n] takes 2 m k n of them and its backward pass twice as
    many. What is done for other reasons (activations computed again, elementwise work) is not
    counted, so that a share of the device's rate says how much of it goes into the model.

    Args:
        config: the model.
        batch: instances a step.
        length: positions an instance, padding included, as those are multiplied too.
        predictions: masked positions an instance.

    Source: counted from the layers of BERT (Devlin et al. 2018); the way of PaLM (Chowdhery et
    al. 2022), appendix B, but with the heads.
    """
    hidden, rows = config.hidden_size, batch * length
    dense = rows * hidden * (4 * hidden + 2 * config.intermediate_size)
    attention = 2 * rows * length * hidden
    masked_lm = batch * predictions * hidden * (hidden + config.vocab_size)
    pooler = batch * hidden**2
    return 6.0 * (config.num_hidden_layers * (dense + attention) + masked_lm + pooler)

"""hidden_act of a bert_config.json -> the function, and the reference's initializer."""

import keras

from clinicalbert_tf.modeling import elementwise


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
def gelu(x):
    """Gaussian error linear unit in BERT's tanh form (the reference's "gelu")."""
    return elementwise.gelu(x)


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
def gelu_erf(x):
    """Gaussian error linear unit in its exact form, with the error function."""
    return keras.activations.gelu(x, approximate=False)


_ACTIVATIONS = {
    "gelu": gelu,
    "gelu_erf": gelu_erf,
    "relu": keras.activations.relu,
    "tanh": keras.activations.tanh,
    "linear": keras.activations.linear,
}


def activation_function(hidden_act: str):
    """The function of a hidden_act.

    Raises:
        ValueError: no such activation.
    """
    if hidden_act not in _ACTIVATIONS:
        raise ValueError(
            f"Expected hidden_act to be one of {', '.join(_ACTIVATIONS)}, received "
            f"{hidden_act!r}. Correct bert_config.json."
        )
    return _ACTIVATIONS[hidden_act]


def prediction_activation(hidden_act: str, compute_dtype: str):
    """The same function where no gradient is taken, in the form that graph optimizers recognize.

    Args:
        hidden_act: see activation_function.
        compute_dtype: of the tensors. Half precision keeps its arithmetic in float32.
    """
    if hidden_act == "gelu" and compute_dtype == "float32":
        return _keras_gelu
    return activation_function(hidden_act)


def _keras_gelu(x):
    return keras.activations.gelu(x, approximate=True)


def kernel_initializer(initializer_range: float) -> keras.initializers.Initializer:
    """A truncated normal, cut at two standard deviations; a fresh one for every weight.

    Keras draws the seed of each from the global generator, so keras.utils.set_random_seed makes
    a whole model repeatable, and no two weights start equal.

    Source: create_initializer of the BERT reference.
    """
    return keras.initializers.TruncatedNormal(stddev=initializer_range)

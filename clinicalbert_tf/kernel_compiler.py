"""TensorFlow's compiler for the model's elementwise kernels."""

import functools

import tensorflow as tf


@functools.cache
def xla_kernel(kernel):
    """Compiles one kernel with XLA; for modeling.compilation.compiled_by.

    Only elementwise kernels gain: matrix products are better left to the library that
    TensorFlow calls (oneDNN), so compiling the whole step is slower on a CPU.

    Args:
        kernel: a function of tensors by position and numbers by keyword.

    Returns:
        A function of the same arguments, the same one for the same kernel, so that the layers of
        a model share what was compiled.
    """
    return tf.function(kernel, jit_compile=True)

"""Which compiler the model's elementwise kernels go through.

A product of matrices is as fast as the library behind it; what is left of a training step is
passes over memory, one for every keras.ops call. Compiled together, the ten calls of an
activation read and write memory once. keras.ops has no word for that, so the code that runs the
model brings the compiler of its backend along.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

_compiler: contextvars.ContextVar[Callable | None] = contextvars.ContextVar(
    "clinicalbert_tf_kernel_compiler", default=None
)


@contextlib.contextmanager
def compiled_by(compiler: Callable | None) -> Iterator[None]:
    """A scope in which models that are called or traced have their kernels compiled.

    What is computed stays the same, dropout included. Not needed where the whole step is
    compiled anyway (JAX, TPU).

    Args:
        compiler: function -> compiled function of the same arguments: tensors by position,
            settings (numbers) by keyword. It is asked once for every use of a kernel, so it should
            remember what it compiled. On TensorFlow, for example,
            `functools.cache(lambda kernel: tf.function(kernel, jit_compile=True))`. None
            compiles nothing.
    """
    token = _compiler.set(compiler)
    try:
        yield
    finally:
        _compiler.reset(token)


def compiled(kernel: Callable) -> Callable:
    """The kernel as the scope around this call wants it.

    Asked for while the forward pass is built, for the backward pass too: gradients are often
    taken outside the scope.
    """
    compiler = _compiler.get()
    return kernel if compiler is None else compiler(kernel)

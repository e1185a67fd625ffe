"""What a training command says when it ends before its time."""

import re
import shlex
import sys
from collections.abc import Sequence


def explanation(error: Exception) -> str | None:
    """One clear message for an expected failure; None for what is a defect of the software."""
    if isinstance(error, ValueError | ArithmeticError | OSError):
        return str(error)
    if isinstance(error, MemoryError):
        return _out_of_memory("This machine", str(error))
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow and isinstance(error, tensorflow.errors.ResourceExhaustedError):
        return _out_of_memory("A device", error.message)
    return None


def how_to_resume(
    name: str, arguments: Sequence[str], output_dir: str | None, one_of_several: bool = False
) -> str:
    """The command that resumes a stopped run.

    Args:
        name: the command's, as in python -m clinicalbert_tf.NAME.
        arguments: the flags that it was started with.
        output_dir: its folder if the flags do not name it, otherwise None.
        one_of_several: whether it is a worker, which the command alone does not start again.
    """
    more = [] if output_dir is None else [f"--output_dir={output_dir}"]
    how = "Start all workers again as before, each with" if one_of_several else "Resume with"
    return f"{how}: {shlex.join(['python', '-m', f'clinicalbert_tf.{name}', *arguments, *more])}"


def _out_of_memory(where: str, detail: str) -> str:
    # Of TensorFlow's pages of text, the line that says how much was asked for.
    line = re.search(r"OOM when allocating.*|Out of memory.*|Unable to allocate.*", detail)
    return (
        "Expected the model, its optimizer and the activations of a batch to fit into memory. "
        f"{where} has run out of it{f' ({line[0].strip()})' if line else ''}. Start again with a "
        "larger --gradient_accumulation_steps (the same update from smaller parts), --recompute, "
        "--precision=mixed_bfloat16, or a smaller --train_batch_size or --eval_batch_size."
    )

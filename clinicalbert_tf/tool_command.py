"""What every command that trains nothing does around its work."""

import os
import sys
from collections.abc import Callable

# What a user can mend: one message. Anything else is a defect, with its traceback.
_EXPECTED = (ValueError, OSError, ImportError)
# More were not measured: there the library divides each operation over the cores.
_FEW_CORES = 4


def run_tool(name: str, work: Callable[[], str | None]) -> None:
    """Runs a command's work and prints what it returns.

    Args:
        name: the command's, as in python -m clinicalbert_tf.NAME.
        work: does what the flags ask for; returns the closing lines, None for none.

    Raises:
        SystemExit: with one message, if something is wrong that a user can mend.
    """
    try:
        said = work()
    except _EXPECTED as error:
        sys.exit(f"{name}: {error}")
    if said is not None:
        print(said)


def one_core_per_batch() -> None:
    """Lets a command that predicts many texts run each batch on one core; before TensorFlow starts.

    `inference.predictor` then runs as many batches at once as there are cores, and no core waits
    for another in the middle of an operation: 10% more texts per second on two cores. On machines
    with more than four cores, and if the environment has its own TF_NUM_INTRAOP_THREADS, nothing
    is changed.
    """
    if (os.cpu_count() or 1) <= _FEW_CORES:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


def refuse_arguments(name: str, argv: list[str]) -> None:
    """Ends the command if it was given arguments that are no flags; they are not shown.

    Raises:
        SystemExit: names how many were received.
    """
    if len(argv) > 1:
        sys.exit(
            f"{name}: Expected flags only, received {len(argv) - 1} other arguments. See --help."
        )

"""Damaged checkpoints on resuming: named, and as --on_corrupt says, passed over or the end."""

import functools
import os
from collections.abc import Callable

from absl import logging

from clinicalbert_tf.checkpoints.readers.tf1 import CorruptCheckpointError
from clinicalbert_tf.training.cluster.workers import Workers
from clinicalbert_tf.training.states.checkpoints import (
    STEM,
    SavedState,
    files_of,
    read_state,
    steps_with_state,
)
from tfrecords_builder.files import make_private_folder

# Damaged files are kept here, where nothing takes them for a checkpoint.
FOLDER = "damaged"


def restore_newest(
    directory: str,
    restore: Callable[[SavedState], None],
    on_corrupt: str,
    workers: Workers,
) -> SavedState | None:
    """Restores the newest state of a folder that every worker can read whole.

    Args:
        directory: the run's folder.
        restore: reads a state into the model; raises CorruptCheckpointError.
        on_corrupt: "stop", or anything else to pass over damaged states.
        workers: all of which call this together.

    Returns:
        The state that was restored; None if the folder has none.

    Raises:
        CorruptCheckpointError: a state is damaged and on_corrupt is "stop", or no state is whole.
        FileNotFoundError: a worker does not see the chief's state, whole or damaged.
    """
    steps = steps_with_state(directory)
    damaged: dict[int, CorruptCheckpointError] = {}
    while True:
        # The chief's list counts; the others follow.
        fault = _fault(read_state, directory, steps[-1]) if steps else None
        chief_reads = not workers.gather([int(fault is not None)])[0, 0]
        is_there = _is_whole if chief_reads else _is_listed
        step = workers.agree_on_step(
            steps[-1] if steps else None, functools.partial(is_there, directory), directory
        )
        if step is None:
            break
        if chief_reads:
            state = read_state(directory, step)
            fault = _fault(restore, state)
            if not workers.gather([int(fault is not None)]).any():
                _say_passed_over(directory, state, damaged)
                return state
        else:
            fault = _fault(read_state, directory, step)
        steps = [other for other in steps if other < step]
        damaged[step] = fault or CorruptCheckpointError(
            f"{STEM}-{step} in {directory}: expected every worker to read it, another one found "
            "it damaged. See that worker's output."
        )
        if on_corrupt == "stop":
            raise _stop(damaged[step], steps)
    if damaged:
        raise CorruptCheckpointError(
            f"Expected a whole checkpoint in {directory}, found damaged ones only: "
            f"{' '.join(str(error) for error in damaged.values())} Put a sound copy there, or "
            "use another --output_dir."
        )
    return None


def set_aside(directory: str, step: int) -> str:
    """Moves the files of a damaged state out of the way and returns their new folder."""
    target = os.path.join(directory, FOLDER, f"{STEM}-{step}")
    number = 1
    while os.path.exists(target):
        number += 1
        target = os.path.join(directory, FOLDER, f"{STEM}-{step}.{number}")
    make_private_folder(target)
    for file in files_of(os.path.join(directory, f"{STEM}-{step}")):
        os.replace(file, os.path.join(target, os.path.basename(file)))
    return target


def set_newer_aside(directory: str, step: int) -> None:
    """Moves what lies in a folder beyond a step out of the way: damaged states all."""
    for newer in steps_with_state(directory):
        if newer > step:
            logging.warning("Moved %s-%d to %s.", STEM, newer, set_aside(directory, newer))


def _fault(read: Callable, *arguments) -> CorruptCheckpointError | None:
    try:
        read(*arguments)
    except CorruptCheckpointError as error:
        return error
    return None


def _is_listed(directory: str, step: int) -> bool:
    return step in steps_with_state(directory)


def _is_whole(directory: str, step: int) -> bool:
    try:
        read_state(directory, step)
    except (FileNotFoundError, CorruptCheckpointError):
        return False
    return True


def _stop(error: CorruptCheckpointError, steps: list[int]) -> CorruptCheckpointError:
    if not steps:
        return CorruptCheckpointError(f"{error} There is no earlier checkpoint to resume from.")
    return CorruptCheckpointError(
        f"{error} Or start again with --on_corrupt=previous, to resume from {STEM}-{steps[-1]}."
    )


def _say_passed_over(directory: str, state: SavedState, damaged) -> None:
    for step, error in damaged.items():
        logging.warning(
            "%s-%d of %s is damaged (%s); the run uses %s instead.",
            *(STEM, step, directory, error, os.path.basename(state.prefix)),
        )

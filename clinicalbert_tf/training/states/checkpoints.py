"""The training state on disk: `model.ckpt-STEP` in TF1 names, complete or absent.

A state is three files: data and index (weights, Adam slots and global_step under the reference's
names, readable by TF1) and `model.ckpt-STEP.state.json`, which is written last and names the
others with their sizes. Killed at any moment, a folder holds whole states and ignorable rests.
Changed bytes are found wherever they are: TensorFlow checks every array's checksum as it reads it,
and state.json holds the index file's SHA-256 and its own.
"""

import contextlib
import dataclasses
import glob
import hashlib
import json
import os
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from clinicalbert_tf.checkpoints.checkpoint_files import INDEX, step_of
from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.checkpoints.readers.tf1 import (
    CorruptCheckpointError,
    read_tf1_checkpoint_tensors,
    restore_checkpoint,
)
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import (
    remove_unfinished,
    write_tf1_checkpoint,
)
from clinicalbert_tf.run_files import CHECKPOINT_STEM as STEM
from clinicalbert_tf.run_files import STATE_ENDING as STATE
from clinicalbert_tf.training.states.disk import may_pass
from tfrecords_builder import schema
from tfrecords_builder.files import write_private

_GLOBAL_STEP = "global_step"
_INDEX_DIGEST = "index_sha256"
_DIGEST = "sha256"


@dataclasses.dataclass(frozen=True)
class SavedState:
    """A complete state on disk.

    Attributes:
        prefix: the TF1 checkpoint's prefix.
        step: updates made.
        content: what state.json holds: global_step, files with their sizes, digests, and what
            the run added (records_read, seed).
    """

    prefix: str
    step: int
    content: dict[str, Any]


def saved_states(directory: str) -> list[SavedState]:
    """The complete states in a folder, oldest first."""
    states = []
    for step in steps_with_state(directory):
        with contextlib.suppress(CorruptCheckpointError, FileNotFoundError):
            states.append(read_state(directory, step))
    return states


def newest_state(directory: str) -> SavedState | None:
    """The newest complete state in a folder, or None."""
    states = saved_states(directory)
    return states[-1] if states else None


def steps_with_state(directory: str) -> list[int]:
    """The steps that a folder has a state.json of, whole or damaged, in order."""
    paths = glob.glob(os.path.join(glob.escape(directory), f"{STEM}-*{STATE}"))
    steps = (step_of(path.removesuffix(STATE)) for path in paths)
    return sorted(step for step in steps if step is not None)


def read_state(directory: str, step: int) -> SavedState:
    """The state of a step, with its files' names, sizes and digests checked.

    Raises:
        FileNotFoundError: it has no state.json, so it was never saved whole.
        CorruptCheckpointError: one of its files is gone or damaged; the message names it.
    """
    prefix = os.path.join(directory, f"{STEM}-{step}")
    path = prefix + STATE
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        # States of earlier versions have no digests at all.
        without = _DIGEST not in content and _INDEX_DIGEST not in content
        if content[_GLOBAL_STEP] != step or not (without or content[_DIGEST] == _digest(content)):
            raise ValueError
        sizes = dict(content["files"])
        index_digest = content.get(_INDEX_DIGEST)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CorruptCheckpointError(
            f"{path}: expected the JSON that a save wrote, received something else. Put a sound "
            "copy of the file there."
        ) from None
    for name, size in sizes.items():
        _check_file(os.path.join(directory, name), size, path)
    if index_digest not in (None, schema.file_sha256(prefix + INDEX)):
        raise CorruptCheckpointError(
            f"{prefix + INDEX}: expected the SHA-256 that {path} states, received another. Put a "
            "sound copy of the file there."
        )
    return SavedState(prefix, step, content)


def write_latest(directory: str, names: list[str]) -> None:
    """Writes the `checkpoint` file by which TensorFlow's own tools find the last one named."""
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    write_private(os.path.join(directory, "checkpoint"), "\n".join(lines) + "\n")


def remove_checkpoint(prefix: str) -> None:
    """Removes a checkpoint's files, first the one without which it counts as absent."""
    for file in files_of(prefix):
        _remove(file)


def files_of(prefix: str) -> list[str]:
    """The files of a checkpoint that are there, state.json first."""
    data = sorted(glob.glob(glob.escape(prefix) + ".data-*-of-*"))
    return [file for file in (prefix + STATE, prefix + INDEX, *data) if os.path.exists(file)]


class Checkpoints:
    """Saves and restores the training state of a pretraining model.

    Args:
        directory: the run's output folder; it is there already.
        model: what modeling.build_pretraining_model returned.
        optimizer: with `slots` and `step` as AdamWeightDecay has them.
        keep: states kept, the newest ones; 0 keeps all.
    """

    def __init__(self, directory: str, model, optimizer, keep: int = 5):
        self.directory = directory
        self.model = model
        self.optimizer = optimizer
        self.keep = keep
        self.mappings = model_variables(model)

    def save(self, content: dict[str, Any]) -> str:
        """Writes the state as it stands now, then removes states beyond `keep`.

        Args:
            content: more for state.json, such as the number of records read.

        Returns:
            The checkpoint's prefix.

        Raises:
            OSError: the files cannot be written; earlier states are untouched.
        """
        step = int(self.optimizer.step.numpy())
        prefix = os.path.join(self.directory, f"{STEM}-{step}")
        _remove(prefix + STATE)
        try:
            write_tf1_checkpoint(self.model, prefix, self._training_state(step))
            self._write_state(prefix, step, content, files_of(prefix))
        except OSError:
            # On a full disk, what is of no use is in the way.
            remove_checkpoint(prefix)
            raise
        try:
            self._keep_newest()
        except OSError as error:
            if not may_pass(error):
                raise
            logging.warning("Saved %s, but could not remove older ones (%s).", prefix, error)
        return prefix

    def renew(self, step: int, content: dict[str, Any]) -> None:
        """Replaces what the run added to the state.json of a step, where that was saved.

        Raises:
            OSError: it cannot be written; the state stays as it was.
        """
        try:
            state = read_state(self.directory, step)
        except FileNotFoundError:
            return
        files = [os.path.join(self.directory, name) for name in state.content["files"]]
        self._write_state(state.prefix, step, content, files)

    def restore(self, state: SavedState) -> None:
        """Reads a state into the model and the optimizer.

        Raises:
            CorruptCheckpointError: a file of it is damaged; the message names it.
            ValueError: its variables do not fit the model.
        """
        restore_checkpoint(self.model, state.prefix)
        names = list(self._slot_names())
        arrays = read_tf1_checkpoint_tensors(state.prefix, [*names, _GLOBAL_STEP])
        by_name = {mapping.tf1_name: mapping for mapping in self.mappings}
        for name in names:
            variable_name, slot = name.rsplit("/", 1)
            values = by_name[variable_name].from_tf1(arrays[name])
            self.optimizer.slots[variable_name][slot].assign(values)
        self.optimizer.step.assign(int(arrays[_GLOBAL_STEP]))

    def remove_unfinished(self) -> None:
        """Removes the temporary files of a killed save; call it when nothing else writes."""
        remove_unfinished(self.directory)
        # Visible temporary names are those of older versions.
        for pattern in (f".{STEM}-*.tmp-*", f"{STEM}-*.tmp-*"):
            for file in glob.glob(os.path.join(glob.escape(self.directory), pattern)):
                _remove(file)

    def _write_state(self, prefix: str, step: int, content: dict[str, Any], files) -> None:
        state = {
            **content,
            _GLOBAL_STEP: step,
            "files": {os.path.basename(file): os.path.getsize(file) for file in files},
            _INDEX_DIGEST: schema.file_sha256(prefix + INDEX),
        }
        state[_DIGEST] = _digest(state)
        write_private(prefix + STATE, json.dumps(state, indent=1, sort_keys=True) + "\n")

    def _slot_names(self):
        for name, slots in self.optimizer.slots.items():
            for slot in slots:
                yield f"{name}/{slot}"

    def _training_state(self, step: int) -> dict[str, np.ndarray]:
        arrays = {_GLOBAL_STEP: np.array(step, np.int64)}
        for mapping in self.mappings:
            for slot, variable in self.optimizer.slots.get(mapping.tf1_name, {}).items():
                arrays[f"{mapping.tf1_name}/{slot}"] = mapping.to_tf1(variable.numpy())
        return arrays

    def _keep_newest(self) -> None:
        states = saved_states(self.directory)
        kept = states[-self.keep :]
        write_latest(self.directory, [os.path.basename(state.prefix) for state in kept])
        for state in states[: len(states) - len(kept)]:
            remove_checkpoint(state.prefix)


def checkpoint_step(prefix: str) -> int:
    """The global_step inside a checkpoint; 0 where it has none."""
    reader = tf.train.load_checkpoint(prefix)
    return int(reader.get_tensor(_GLOBAL_STEP)) if reader.has_tensor(_GLOBAL_STEP) else 0


def _check_file(path: str, size: int, state_file: str) -> None:
    found = os.path.getsize(path) if os.path.exists(path) else None
    if found != size:
        received = "it is not there" if found is None else f"it has {found}"
        raise CorruptCheckpointError(
            f"{path}: expected {size} bytes by {state_file}, {received}. Put a sound copy of the "
            "file there."
        )


def _digest(content: dict[str, Any]) -> str:
    rest = {name: value for name, value in content.items() if name != _DIGEST}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.remove(path)

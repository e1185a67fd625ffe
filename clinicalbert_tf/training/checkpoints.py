"""The training state on disk: `model.ckpt-STEP` in TF1 names, complete or absent.

A state is three files: data and index (weights, Adam slots and global_step under the reference's
names, readable by TF1) and `model.ckpt-STEP.state.json`, which is written last and names the
others with their sizes. Killed at any moment, a folder holds whole states and ignorable rests.
"""

import dataclasses
import glob
import json
import os
from typing import Any

import numpy as np
import tensorflow as tf

from clinicalbert_tf.restore.checkpoint_files import INDEX, step_of
from clinicalbert_tf.restore.export import remove_unfinished, write_tf1_checkpoint
from clinicalbert_tf.restore.tf1 import read_tf1_checkpoint_tensors, restore_checkpoint
from clinicalbert_tf.restore.variable_names import pretraining_variables
from clinicalbert_tf.training.private_files import write_private

STEM = "model.ckpt"
STATE = ".state.json"
_GLOBAL_STEP = "global_step"


@dataclasses.dataclass(frozen=True)
class SavedState:
    """A complete state on disk.

    Attributes:
        prefix: the TF1 checkpoint's prefix.
        step: updates made.
        content: what state.json holds: global_step, files with their sizes, and what the run
            added (records_read, seed).
    """

    prefix: str
    step: int
    content: dict[str, Any]


def saved_states(directory: str) -> list[SavedState]:
    """The complete states in a folder, oldest first."""
    states = []
    for path in glob.glob(os.path.join(glob.escape(directory), f"{STEM}-*{STATE}")):
        prefix = path.removesuffix(STATE)
        content = _read_state(path)
        if content is not None and step_of(prefix) == content[_GLOBAL_STEP]:
            states.append(SavedState(prefix, content[_GLOBAL_STEP], content))
    return sorted(states, key=lambda state: state.step)


def newest_state(directory: str) -> SavedState | None:
    """The newest complete state in a folder, or None."""
    states = saved_states(directory)
    return states[-1] if states else None


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
        self.mappings = pretraining_variables(model)

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
        write_tf1_checkpoint(self.model, prefix, self._training_state(step))
        files = {os.path.basename(file): os.path.getsize(file) for file in _files(prefix)}
        state = {**content, _GLOBAL_STEP: step, "files": files}
        write_private(prefix + STATE, json.dumps(state, indent=1, sort_keys=True) + "\n")
        self._keep_newest()
        return prefix

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
        for file in glob.glob(os.path.join(glob.escape(self.directory), f"{STEM}-*.tmp-*")):
            _remove(file)

    def _slot_names(self):
        for name, slots in self.optimizer.slots.items():
            for slot in slots:
                yield f"{name}/{slot}"

    def _training_state(self, step: int) -> dict[str, np.ndarray]:
        arrays = {_GLOBAL_STEP: np.array(step, np.int64)}
        for mapping in self.mappings:
            for slot, variable in self.optimizer.slots[mapping.tf1_name].items():
                arrays[f"{mapping.tf1_name}/{slot}"] = mapping.to_tf1(variable.numpy())
        return arrays

    def _keep_newest(self) -> None:
        states = saved_states(self.directory)
        kept = states[-self.keep :]
        self._name_latest([os.path.basename(state.prefix) for state in kept])
        for state in states[: len(states) - len(kept)]:
            # Without its state.json it counts as absent, so that goes first.
            _remove(state.prefix + STATE)
            for file in _files(state.prefix):
                _remove(file)

    def _name_latest(self, prefixes: list[str]) -> None:
        """Writes the `checkpoint` file by which TensorFlow's own tools find the newest one."""
        lines = [f'model_checkpoint_path: "{prefixes[-1]}"']
        lines += [f'all_model_checkpoint_paths: "{prefix}"' for prefix in prefixes]
        write_private(os.path.join(self.directory, "checkpoint"), "\n".join(lines) + "\n")


def checkpoint_step(prefix: str) -> int:
    """The global_step inside a checkpoint; 0 where it has none."""
    reader = tf.train.load_checkpoint(prefix)
    return int(reader.get_tensor(_GLOBAL_STEP)) if reader.has_tensor(_GLOBAL_STEP) else 0


def _read_state(path: str) -> dict[str, Any] | None:
    """A state.json whose files are all there in full, or None."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        folder = os.path.dirname(path)
        for name, size in content["files"].items():
            if os.path.getsize(os.path.join(folder, name)) != size:
                return None
        return content if isinstance(content[_GLOBAL_STEP], int) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _files(prefix: str) -> list[str]:
    return [prefix + INDEX, *glob.glob(glob.escape(prefix) + ".data-*-of-*")]


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.remove(path)

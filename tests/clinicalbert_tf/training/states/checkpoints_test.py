"""The training state on disk: complete or absent, and the same to the bit when read back."""

import json
import os
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.checkpoints.readers.tf1 import CorruptCheckpointError
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.states import checkpoints as module
from clinicalbert_tf.training.states.checkpoints import Checkpoints, newest_state, saved_states
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay


class Killed(BaseException):
    """What kill -9 leaves behind, without ending the test's process."""


def make(directory, config, seed, keep=5, strategy=None):
    keras.utils.set_random_seed(seed)
    with (strategy or build_strategy("one_device")).scope():
        model = build_pretraining_model(config)
        variables = [(m.tf1_name, m.variable) for m in model_variables(model)]
        optimizer = AdamWeightDecay(variables, WarmupLinearDecay(1e-3, 100, 0))
    return Checkpoints(str(directory), model, optimizer, keep)


def fill(checkpoints, step, seed):
    """Gives slots and step values that no fresh optimizer has."""
    generator = np.random.default_rng(seed)
    for slots in checkpoints.optimizer.slots.values():
        for slot in slots.values():
            slot.assign(generator.random(slot.shape, np.float32))
    checkpoints.optimizer.step.assign(step)


def everything(checkpoints):
    arrays = {m.tf1_name: m.variable.numpy() for m in checkpoints.mappings}
    for name, slots in checkpoints.optimizer.slots.items():
        arrays |= {f"{name}/{slot}": variable.numpy() for slot, variable in slots.items()}
    return arrays | {"global_step": checkpoints.optimizer.step.numpy()}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


@pytest.mark.parametrize("replicas", [1, 2])
def test_restored_state_is_the_saved_one_to_the_bit(tmp_path, small_config, replicas):
    strategy = build_strategy("mirrored", num_replicas=replicas)
    saved = make(tmp_path, small_config, seed=1, strategy=strategy)
    fill(saved, step=7, seed=2)
    prefix = saved.save({"records_read": 56})
    assert prefix == str(tmp_path / "model.ckpt-7")
    other = make(tmp_path, small_config, seed=3, strategy=strategy)
    state = newest_state(str(tmp_path))
    assert (state.prefix, state.step, state.content["records_read"]) == (prefix, 7, 56)
    other.restore(state)
    assert_same(everything(other), everything(saved))


def test_checkpoint_has_the_references_names_and_slots(tmp_path, small_config):
    checkpoints = make(tmp_path, small_config, seed=1)
    fill(checkpoints, step=3, seed=1)
    reader = tf.train.load_checkpoint(checkpoints.save({}))
    shapes = reader.get_variable_to_shape_map()
    assert shapes["bert/embeddings/word_embeddings/adam_v"] == [1200, 8]
    assert shapes["bert/encoder/layer_0/attention/self/query/kernel/adam_m"] == [8, 8]
    assert shapes["cls/seq_relationship/output_weights/adam_m"] == [2, 8]
    assert (
        reader.get_tensor("global_step") == 3 and reader.get_tensor("global_step").dtype == "int64"
    )
    assert len(shapes) == 3 * len(checkpoints.mappings) + 1
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-3")


def test_newest_states_are_kept_and_named(tmp_path, small_config):
    checkpoints = make(tmp_path, small_config, seed=1, keep=2)
    for step in (1, 2, 10, 9):
        checkpoints.optimizer.step.assign(step)
        checkpoints.save({})
    assert [state.step for state in saved_states(str(tmp_path))] == [9, 10]
    assert sorted(path.name for path in tmp_path.glob("model.ckpt-*.index")) == [
        "model.ckpt-10.index",
        "model.ckpt-9.index",
    ]
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    "victim",
    ["model.ckpt-2.data-00000-of-00001", "model.ckpt-2.index", "model.ckpt-2.state.json"],
)
def test_killed_at_any_file_of_a_save_the_last_state_stays(
    tmp_path, small_config, monkeypatch, victim
):
    checkpoints = make(tmp_path, small_config, seed=1)
    fill(checkpoints, step=1, seed=1)
    checkpoints.save({})
    before = everything(checkpoints)
    fill(checkpoints, step=2, seed=2)
    replace = os.replace

    def replace_or_die(source, target):
        if str(target).endswith(victim):
            raise Killed
        replace(source, target)

    # No cleaning up either: a killed process runs no `finally`.
    monkeypatch.setattr(os, "replace", replace_or_die)
    monkeypatch.setattr("shutil.rmtree", lambda *arguments, **more: None)
    with pytest.raises(Killed):
        checkpoints.save({})
    monkeypatch.undo()

    state = newest_state(str(tmp_path))
    assert state.step == 1
    again = make(tmp_path, small_config, seed=9)
    again.restore(state)
    assert_same(everything(again), before)
    again.remove_unfinished()
    assert not [path for path in os.listdir(tmp_path) if "unfinished" in path or ".tmp-" in path]
    fill(again, step=2, seed=2)
    again.save({})
    assert newest_state(str(tmp_path)).step == 2


CHANGES_OF_FOLDERS = ("replace", "remove", "unlink", "rename")


def killing_after(monkeypatch, changes):
    """Lets so many changes of a folder happen, then dies as kill -9 does; counts them."""
    made = [0]
    for name in CHANGES_OF_FOLDERS:
        original = getattr(os, name)

        def counted(*arguments, original=original, **more):
            if made[0] == changes:
                raise Killed
            made[0] += 1
            return original(*arguments, **more)

        monkeypatch.setattr(os, name, counted)
    monkeypatch.setattr("shutil.rmtree", lambda *arguments, **more: None)
    return made


def test_killed_between_any_two_changes_of_the_folder_a_whole_state_stays(
    tmp_path, small_config, monkeypatch
):
    """Also while the oldest state is removed, and when a step is saved that was saved before."""
    checkpoints = make(tmp_path / "whole", small_config, seed=1, keep=2)
    os.mkdir(checkpoints.directory)
    values = {}
    for step in (1, 2):
        fill(checkpoints, step, seed=step)
        checkpoints.save({})
        values[step] = everything(checkpoints)
    points, changes, finished = 0, 0, False
    while not finished:
        checkpoints.directory = str(shutil.copytree(tmp_path / "whole", tmp_path / str(changes)))
        fill(checkpoints, step=3, seed=3)
        values[3] = everything(checkpoints)
        made = killing_after(monkeypatch, changes)
        try:
            checkpoints.save({})
            finished = True
        except Killed:
            points += 1
        monkeypatch.undo()
        state = newest_state(checkpoints.directory)
        assert state.step == (3 if finished else state.step) and state.step in (2, 3)
        checkpoints.restore(state)
        assert_same(everything(checkpoints), values[state.step])
        assert tf.train.latest_checkpoint(checkpoints.directory) is not None
        changes += 1
    # Data, index, state.json, `checkpoint` and the three files of the oldest state.
    assert points == made[0] and points >= 7


def test_incomplete_states_are_ignored(tmp_path, small_config):
    checkpoints = make(tmp_path, small_config, seed=1)
    for step in (1, 2, 3, 4):
        checkpoints.optimizer.step.assign(step)
        checkpoints.save({})
    (tmp_path / "model.ckpt-4.state.json").write_text('{"global_step": 4, "fi')
    with open(tmp_path / "model.ckpt-3.data-00000-of-00001", "r+b") as file:
        file.truncate(100)
    (tmp_path / "model.ckpt-2.index").unlink()
    assert [state.step for state in saved_states(str(tmp_path))] == [1]
    # A released checkpoint that lies there is no training state, and is left alone.
    released = tmp_path / "model.ckpt-150000.index"
    released.write_bytes(b"released")
    checkpoints.remove_unfinished()
    assert released.exists() and newest_state(str(tmp_path)).step == 1


def test_damaged_state_is_named(tmp_path, small_config):
    checkpoints = make(tmp_path, small_config, seed=1)
    fill(checkpoints, step=5, seed=1)
    data = pathlib.Path(checkpoints.save({}) + ".data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[1000] ^= 1
    data.write_bytes(content)
    with pytest.raises(CorruptCheckpointError, match=r"model\.ckpt-5"):
        checkpoints.restore(newest_state(str(tmp_path)))


def test_state_file_names_its_files_with_their_sizes(tmp_path, small_config):
    checkpoints = make(tmp_path, small_config, seed=1)
    prefix = checkpoints.save({"seed": 4})
    content = json.loads(pathlib.Path(prefix + module.STATE).read_text())
    assert content["global_step"] == 0 and content["seed"] == 4
    assert content["files"] == {
        name: (tmp_path / name).stat().st_size
        for name in ("model.ckpt-0.index", "model.ckpt-0.data-00000-of-00001")
    }


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

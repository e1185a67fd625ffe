"""Damaged checkpoints: found whatever byte it is, named, passed over where that is asked for."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import threading
import types

import keras
import numpy as np
import pytest

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.checkpoints.readers.tf1 import CorruptCheckpointError
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.training.cluster.strategy import build_strategy
from clinicalbert_tf.training.cluster.workers import Workers
from clinicalbert_tf.training.states.checkpoints import Checkpoints, saved_states
from clinicalbert_tf.training.states.corruption import restore_newest, set_newer_aside
from clinicalbert_tf.training.updates.optimizer import AdamWeightDecay, WarmupLinearDecay

DATA = "model.ckpt-20.data-00000-of-00001"


@pytest.fixture(scope="module")
def workers():
    return Workers(build_strategy("one_device"))


@pytest.fixture(scope="module")
def saved(small_config, tmp_path_factory):
    """A Checkpoints whose folder holds the steps 10 and 20, each with values of its own."""
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(1)
    model = build_pretraining_model(small_config)
    variables = [(m.tf1_name, m.variable) for m in model_variables(model)]
    optimizer = AdamWeightDecay(variables, WarmupLinearDecay(1e-3, 100, 0))
    checkpoints = Checkpoints(str(folder), model, optimizer)
    generator = np.random.default_rng(1)
    for step in (10, 20):
        for slots in optimizer.slots.values():
            for slot in slots.values():
                slot.assign(generator.random(slot.shape, np.float32))
        optimizer.step.assign(step)
        checkpoints.save({"records_read": step})
    return checkpoints


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved.directory, tmp_path / "run")


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 0x20
    path.write_bytes(content)


def damage(folder, how):
    """Damages the newest state of a folder."""
    if how == "truncated data":
        with open(folder / DATA, "r+b") as file:
            file.truncate(100)
    elif how == "flipped data":
        flip(folder / DATA, 5000)
    elif how == "flipped index":
        flip(folder / "model.ckpt-20.index", 300)
    elif how == "missing data":
        (folder / DATA).unlink()
    elif how == "missing index":
        (folder / "model.ckpt-20.index").unlink()
    elif how == "state.json cut off":
        (folder / "model.ckpt-20.state.json").write_text('{"global_step": 20, "fi')
    elif how == "state.json changed":
        path = folder / "model.ckpt-20.state.json"
        path.write_text(path.read_text().replace('"records_read": 20', '"records_read": 21'))


HOWS = (
    "truncated data", "flipped data", "flipped index", "missing data", "missing index",
    "state.json cut off", "state.json changed",
)  # fmt: skip


@pytest.mark.parametrize("how", HOWS)
def test_damaged_checkpoint_stops_the_run_and_the_message_says_what_to_do(
    folder, saved, workers, how
):
    damage(folder, how)
    before = sorted(os.listdir(folder))
    with pytest.raises(
        CorruptCheckpointError, match=r"(?s)model\.ckpt-20.*--on_corrupt=previous.*model\.ckpt-10"
    ):
        restore_newest(str(folder), saved.restore, "stop", workers)
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("on_corrupt", ["previous", "skip"])
@pytest.mark.parametrize("how", HOWS)
def test_checkpoint_before_a_damaged_one_is_used_and_the_damaged_files_are_kept(
    folder, saved, workers, how, on_corrupt, caplog
):
    damage(folder, how)
    names = {path.name for path in folder.glob("model.ckpt-20*")}
    state = restore_newest(str(folder), saved.restore, on_corrupt, workers)
    assert state.step == 10 and int(saved.optimizer.step.numpy()) == 10
    said = " ".join(record.getMessage() for record in caplog.records)
    assert re.search(r"model\.ckpt-20 of .* is damaged .* uses model\.ckpt-10 instead", said)
    set_newer_aside(str(folder), state.step)
    assert not list(folder.glob("model.ckpt-20*"))
    assert {path.name for path in (folder / "damaged" / "model.ckpt-20").iterdir()} == names
    assert [state.step for state in saved_states(str(folder))] == [10]


def test_files_damaged_twice_do_not_replace_each_other(folder, saved):
    damage(folder, "flipped data")
    set_newer_aside(str(folder), 10)
    for file in pathlib.Path(saved.directory).glob("model.ckpt-20*"):
        shutil.copy(file, folder)
    set_newer_aside(str(folder), 10)
    assert sorted(os.listdir(folder / "damaged")) == ["model.ckpt-20", "model.ckpt-20.2"]


def test_no_whole_checkpoint_is_an_error_and_never_a_fresh_start(folder, saved, workers):
    damage(folder, "flipped data")
    flip(folder / "model.ckpt-10.index", 100)
    with pytest.raises(
        CorruptCheckpointError, match=r"(?s)damaged ones only.*ckpt-20.*ckpt-10.*--output_dir"
    ):
        restore_newest(str(folder), saved.restore, "previous", workers)
    shutil.rmtree(folder)
    folder.mkdir()
    assert restore_newest(str(folder), saved.restore, "previous", workers) is None


class InThreads(Workers):
    """Workers of this process, a thread each, that hand each other their integers."""

    def __init__(self, rank, rows, barrier):
        self.cluster = types.SimpleNamespace(addresses=["localhost:1"] * len(rows), rank=rank)
        self.rank, self.rows, self.barrier = rank, rows, barrier

    def gather(self, values):
        self.rows[self.rank] = list(values)
        self.barrier.wait(timeout=30)
        gathered = np.array(self.rows, np.int64)
        self.barrier.wait(timeout=30)
        return gathered


def in_two_workers(folders, on_corrupt):
    """What restore_newest returned or raised on each of two workers, and what each restored."""
    rows, barrier = [None, None], threading.Barrier(2)
    restored = ([], [])

    def worker(rank):
        workers = InThreads(rank, rows, barrier)
        restore = restored[rank].append
        try:
            return restore_newest(str(folders[rank]), restore, on_corrupt, workers)
        except (FileNotFoundError, CorruptCheckpointError) as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(worker, range(2))), restored


@pytest.mark.parametrize("on_corrupt", ["stop", "previous"])
def test_worker_without_the_chiefs_folder_is_told_so_when_its_newest_state_is_damaged(
    folder, tmp_path, on_corrupt, monkeypatch
):
    monkeypatch.setattr(Workers.agree_on_step, "__defaults__", (0.1,))
    damage(folder, "flipped index")
    (tmp_path / "other").mkdir()
    errors, restored = in_two_workers([folder, tmp_path / "other"], on_corrupt)
    assert restored == ([], [])
    for error in errors:
        assert isinstance(error, FileNotFoundError)
        assert "chief's model.ckpt-20" in str(error) and "worker 1 found" in str(error)
        assert "Give all workers the same folder" in str(error)


def test_workers_pass_over_a_damaged_state_together(folder):
    damage(folder, "flipped index")
    states, restored = in_two_workers([folder, folder], "previous")
    assert [state.step for state in states] == [10, 10]
    assert [[state.step for state in seen] for seen in restored] == [[10], [10]]
    errors, restored = in_two_workers([folder, folder], "stop")
    assert restored == ([], [])
    assert all("--on_corrupt=previous, to resume from model.ckpt-10" in str(e) for e in errors)


@pytest.mark.parametrize("name", [DATA, "model.ckpt-20.index", "model.ckpt-20.state.json"])
def test_no_flipped_byte_goes_unnoticed(folder, saved, workers, name):
    """A byte changed anywhere is either found or of no consequence to what is read."""
    path = folder / name
    sound = path.read_bytes()
    expected = restore_newest(str(folder), saved.restore, "stop", workers).content
    generator = np.random.default_rng(5)
    places = {0, len(sound) - 1, *generator.integers(0, len(sound), 40).tolist()}
    unnoticed = 0
    for place in sorted(places):
        flip(path, place)
        try:
            state = restore_newest(str(folder), saved.restore, "stop", workers)
        except CorruptCheckpointError as error:
            assert "model.ckpt-20" in str(error)
        else:
            unnoticed += 1
            # White space between the values of JSON means nothing.
            assert name.endswith(".json") and state.content == expected
        path.write_bytes(sound)
    assert unnoticed < len(places) / 4


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

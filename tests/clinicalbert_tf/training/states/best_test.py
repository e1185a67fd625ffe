"""The best checkpoint: kept apart, whole at any time, replaced only by a better one."""

import errno
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.checkpoints.checkpoint_files import resolve_checkpoint
from clinicalbert_tf.checkpoints.readers.tf1 import restore_checkpoint
from clinicalbert_tf.modeling import build_pretraining_model
from clinicalbert_tf.training.monitor import Monitor
from clinicalbert_tf.training.states.best import BestCheckpoint, best_prefix, forget_best


class Killed(BaseException):
    """What kill -9 leaves behind, without ending the test's process."""


@pytest.fixture(scope="module")
def model(small_config):
    return build_pretraining_model(small_config)


def keep(tmp_path, model):
    return BestCheckpoint(str(tmp_path), model, {"bert_config.json": "{}", "vocab.txt": "a\n"})


def mark(model, value):
    """Gives the weights a value to know them by."""
    variable = model.trainable_variables[0]
    variable.assign(np.full(variable.shape, value, np.float32))


def marked(folder):
    reader = tf.train.load_checkpoint(resolve_checkpoint(folder))
    return float(reader.get_tensor("bert/embeddings/word_embeddings")[0, 0])


def test_lower_losses_replace_higher_ones(tmp_path, model):
    best = keep(tmp_path, model)
    assert best.record() is None
    assert not best.offer(5, {"loss": float("nan")}, "held out")
    kept = []
    for step, loss in ((10, 3.0), (20, 3.5), (30, 3.0), (40, 2.5), (50, float("nan"))):
        mark(model, step)
        kept.append(best.offer(step, {"loss": loss}, "held out"))
    assert kept == [True, False, False, True, False]
    folder = tmp_path / "best"
    assert {path.name for path in folder.iterdir()} == {
        "best.json", "bert_config.json", "checkpoint", "model.ckpt-40.data-00000-of-00001",
        "model.ckpt-40.index", "vocab.txt",
    }  # fmt: skip
    record = json.loads((folder / "best.json").read_text())
    expected = {"step": 40, "metric": "loss", "value": 2.5, "loss": 2.5}
    assert record == {**expected, "measured_on": "held out"}
    assert resolve_checkpoint(folder).endswith("best/model.ckpt-40") and marked(folder) == 40
    assert tf.train.latest_checkpoint(str(folder)).endswith("model.ckpt-40")
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_it_restores_as_an_initial_checkpoint(tmp_path, model, small_config):
    keep(tmp_path, model).offer(7, {"loss": 1.0}, "held out")
    other = build_pretraining_model(small_config)
    restore_checkpoint(other, tmp_path / "best")
    for ours, theirs in zip(other.trainable_variables, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_losses_on_other_records_do_not_count(tmp_path, model):
    best = keep(tmp_path, model)
    best.offer(10, {"loss": 1.0}, "held out")
    assert best.offer(20, {"loss": 2.0}, "other records")
    assert best.record()["step"] == 20


def test_a_new_process_knows_what_is_kept(tmp_path, model):
    keep(tmp_path, model).offer(10, {"loss": 1.0}, "held out")
    again = keep(tmp_path, model)
    assert not again.offer(20, {"loss": 1.5}, "held out")
    assert again.offer(30, {"loss": 0.5}, "held out")


def test_earlier_start_is_not_compared_with_and_stays_until_it_is_replaced(tmp_path, model, caplog):
    forget_best(str(tmp_path))
    assert not caplog.records and not (tmp_path / "best").exists()
    mark(model, 10)
    keep(tmp_path, model).offer(10, {"loss": 1.0}, "held out")
    forget_best(str(tmp_path))
    assert "(step 10, loss 1.0000)" in caplog.records[-1].getMessage()
    best = keep(tmp_path, model)
    assert best.record() is None and marked(tmp_path / "best") == 10
    # Also where nothing good comes first, and another process goes on from there.
    assert not best.offer(5, {"loss": float("nan")}, "held out")
    mark(model, 20)
    assert keep(tmp_path, model).offer(7, {"loss": 2.0}, "held out")
    assert marked(tmp_path / "best") == 20
    assert [path.name for path in (tmp_path / "best").glob("*.index")] == ["model.ckpt-7.index"]


def replacements(tmp_path, model, monkeypatch):
    """How many files a replacement moves into place."""
    count, replace = [0], os.replace

    def counting(source, target):
        count[0] += 1
        replace(source, target)

    monkeypatch.setattr(os, "replace", counting)
    keep(tmp_path / "counted", model).offer(1, {"loss": 1.0}, "held out")
    monkeypatch.undo()
    return count[0]


def test_killed_at_any_file_the_folder_holds_a_whole_checkpoint(tmp_path, model, monkeypatch):
    places = replacements(tmp_path, model, monkeypatch)
    assert places >= 6
    for place in range(places):
        folder = tmp_path / str(place)
        mark(model, 10)
        best = keep(folder, model)
        best.offer(10, {"loss": 3.0}, "held out")
        mark(model, 20)
        done, replace = [0], os.replace

        def replace_or_die(source, target, done=done, place=place, replace=replace):
            done[0] += 1
            if done[0] > place:
                raise Killed
            replace(source, target)

        monkeypatch.setattr(os, "replace", replace_or_die)
        monkeypatch.setattr("shutil.rmtree", lambda *arguments, **more: None)
        with pytest.raises(Killed):
            best.offer(20, {"loss": 2.0}, "held out")
        monkeypatch.undo()
        assert marked(folder / "best") in (10, 20)
        again = keep(folder, model)
        kept = again.record()["step"]
        assert marked(folder / "best") == kept
        again.offer(20, {"loss": 2.0}, "held out")
        assert marked(folder / "best") == 20 and again.record()["step"] == 20
        assert len(list((folder / "best").glob("*.index"))) == 1
        assert not [name for name in os.listdir(folder / "best") if "unfinished" in name]


def test_full_disk_leaves_the_one_that_was_kept(tmp_path, model, monkeypatch):
    best = keep(tmp_path, model)
    mark(model, 10)
    best.offer(10, {"loss": 3.0}, "held out")
    mark(model, 20)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("clinicalbert_tf.training.states.best.write_tf1_checkpoint", full)
    assert not best.offer(20, {"loss": 2.0}, "held out")
    monkeypatch.undo()
    assert best.record()["step"] == 10 and marked(tmp_path / "best") == 10
    assert best.offer(30, {"loss": 2.9}, "held out")


def test_forbidden_folder_is_an_error(tmp_path, model, monkeypatch):
    def forbidden(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("clinicalbert_tf.training.states.best.write_tf1_checkpoint", forbidden)
    with pytest.raises(PermissionError):
        keep(tmp_path, model).offer(1, {"loss": 1.0}, "held out")


def test_higher_values_of_another_metric_replace_lower_ones(tmp_path, model):
    best = BestCheckpoint(str(tmp_path), model, {}, Monitor("f1", higher_is_better=True))
    values = ((1, 0.2), (2, 0.1), (3, 0.3), (4, None))
    kept = [best.offer(step, {"loss": 9.0, "f1": value}, "dev") for step, value in values]
    assert kept == [True, False, True, False]
    assert best.record()["value"] == 0.3
    # What was kept by another metric is not compared with.
    assert keep(tmp_path, model).offer(5, {"loss": 99.0}, "dev")


def test_equal_figures_are_told_apart_by_the_loss(tmp_path, model):
    best = BestCheckpoint(str(tmp_path), model, {}, Monitor("f1", higher_is_better=True))
    rows = ((1, 0.5, 0.9), (2, 0.5, 0.7), (3, 0.5, 0.7), (4, 0.5, 0.8), (5, 0.4, 0.1), (6, 0.6, 9))
    kept = [best.offer(step, {"loss": loss, "f1": f1}, "dev") for step, f1, loss in rows]
    assert kept == [True, True, False, False, False, True]
    # Without a loss nothing tells them apart.
    assert not best.offer(7, {"f1": 0.6, "loss": None}, "dev")


def test_record_of_a_version_that_went_by_the_loss_alone_is_compared_with(tmp_path, model):
    keep(tmp_path, model).offer(7, {"loss": 1.0}, "dev")
    old = {"step": 7, "loss": 1.0, "measured_on": "dev"}
    (tmp_path / "best" / "best.json").write_text(json.dumps(old))
    assert not keep(tmp_path, model).offer(8, {"loss": 2.0}, "dev")
    assert best_prefix(str(tmp_path)).endswith("model.ckpt-7")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

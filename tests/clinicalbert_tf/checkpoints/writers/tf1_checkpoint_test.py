import json
import os
import pathlib
import resource
import stat

import keras
import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.checkpoints.readers.tf1 import restore_checkpoint
from clinicalbert_tf.checkpoints.writers import tf1_checkpoint as export
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import (
    remove_unfinished,
    write_tf1_checkpoint,
)
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone, build_pretraining_model

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "golden" / "tf1_checkpoint"
CONFIG = BertConfig.from_json_file(GOLDEN / "bert_config.json")
SHAPES = dict(json.loads((GOLDEN / "variables.json").read_text(encoding="utf-8")))
FILES = ["model.ckpt-20.data-00000-of-00001", "model.ckpt-20.index"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(6)
    model = build_pretraining_model(CONFIG)
    # Biases and normalizations of their own too, so that no two variables may be exchanged.
    for index, weight in enumerate(model.weights):
        weight.assign(weight + 0.001 * (index + 1))
    return model


def slots(model):
    return {
        f"{m.tf1_name}/{slot}": np.full(m.tf1_shape, value, np.float32)
        for m in model_variables(model)
        for slot, value in (("adam_m", 0.25), ("adam_v", 0.5))
    }


def test_export_has_the_references_names_and_shapes_and_values(model, tmp_path):
    extra = {**slots(model), "global_step": np.int64(20)}
    prefix = write_tf1_checkpoint(model, tmp_path / "run" / "model.ckpt-20", extra)
    assert sorted(os.listdir(tmp_path / "run")) == FILES
    reader = tf.compat.v1.train.NewCheckpointReader(prefix)
    assert reader.get_variable_to_shape_map() == SHAPES
    types = reader.get_variable_to_dtype_map()
    assert types.pop("global_step") == tf.int64
    assert set(types.values()) == {tf.float32}
    assert reader.get_tensor("global_step") == 20
    assert (reader.get_tensor("cls/predictions/output_bias/adam_v") == 0.5).all()
    query = model.backbone.transformer_layers[2].attention.query_dense
    np.testing.assert_array_equal(
        reader.get_tensor("bert/encoder/layer_2/attention/self/query/kernel"),
        np.asarray(query.kernel).reshape(48, 48),
    )
    np.testing.assert_array_equal(
        reader.get_tensor("cls/seq_relationship/output_weights"),
        np.asarray(model.next_sentence_head.kernel).T,
    )


def test_restore_of_export_is_the_identity_to_the_bit(model, tmp_path):
    write_tf1_checkpoint(model, tmp_path / "model.ckpt-20", {"global_step": np.int64(20)})
    other = build_pretraining_model(CONFIG)
    report = restore_checkpoint(other, tmp_path)
    assert report.skipped == ("global_step",) and len(report.restored) == 62
    for ours, theirs in zip(model.weights, other.weights, strict=True):
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes(), ours.path


def test_export_of_the_golden_checkpoint_is_the_golden_checkpoint(tmp_path):
    model = build_pretraining_model(CONFIG)
    restore_checkpoint(model, GOLDEN)
    prefix = write_tf1_checkpoint(model, tmp_path / "model.ckpt-1")
    golden = tf.train.load_checkpoint(str(GOLDEN / "model.ckpt-150000"))
    written = tf.train.load_checkpoint(prefix)
    names = written.get_variable_to_shape_map()
    assert len(names) == 62
    for name in names:
        assert golden.get_tensor(name).tobytes() == written.get_tensor(name).tobytes(), name


def test_backbone_alone_is_written_without_heads(tmp_path):
    backbone = build_backbone(CONFIG)
    prefix = write_tf1_checkpoint(backbone, tmp_path / "bert_model.ckpt")
    names = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
    assert len(names) == 55 and all(name.startswith("bert/") for name in names)


def test_files_are_for_the_owner_only(model, tmp_path):
    write_tf1_checkpoint(model, tmp_path / "run" / "model.ckpt-20")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    for name in FILES:
        assert stat.S_IMODE((tmp_path / "run" / name).stat().st_mode) == 0o600


def test_extra_under_a_models_name_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="bert/pooler/dense/bias"):
        write_tf1_checkpoint(
            model, tmp_path / "model.ckpt-1", {"bert/pooler/dense/bias": np.zeros(48)}
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("moves_done", [0, 1])
def test_writer_stopped_between_its_moves_leaves_no_checkpoint_and_harms_no_other(
    model, tmp_path, monkeypatch, moves_done
):
    write_tf1_checkpoint(model, tmp_path / "model.ckpt-10")
    moved = []

    def replace(source, target):
        if len(moved) == moves_done:
            raise KeyboardInterrupt
        moved.append(target)
        os.rename(source, target)

    monkeypatch.setattr(export.os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write_tf1_checkpoint(model, tmp_path / "model.ckpt-20")
    # The index, which makes a checkpoint of the files, is the last to come.
    assert not (tmp_path / FILES[1]).exists()
    assert (tmp_path / FILES[0]).exists() == (moves_done == 1)
    report = restore_checkpoint(build_pretraining_model(CONFIG), tmp_path)
    assert report.source == str(tmp_path / "model.ckpt-10")


def test_replacing_a_checkpoint_never_leaves_the_old_index_over_new_data(
    model, tmp_path, monkeypatch
):
    write_tf1_checkpoint(model, tmp_path / "model.ckpt-20")
    seen = []

    def replace(source, target):
        seen.append((os.path.basename(target), (tmp_path / FILES[1]).exists()))
        os.rename(source, target)

    monkeypatch.setattr(export.os, "replace", replace)
    write_tf1_checkpoint(model, tmp_path / "model.ckpt-20", {"global_step": np.int64(1)})
    assert seen == [(FILES[0], False), (FILES[1], False)]
    assert sorted(os.listdir(tmp_path)) == FILES


def test_full_disk_is_an_error_that_leaves_nothing_behind(model, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError) as error:
            write_tf1_checkpoint(model, tmp_path / "model.ckpt-20")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path) in str(error.value)
    assert "Free space" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_can_be_removed(model, tmp_path):
    write_tf1_checkpoint(model, tmp_path / "model.ckpt-20")
    left = tmp_path / ".model.ckpt-30.unfinished-x1"
    left.mkdir()
    (left / "model.ckpt-30.index").write_bytes(b"half")
    assert remove_unfinished(tmp_path) == 1
    assert sorted(os.listdir(tmp_path)) == FILES
    assert remove_unfinished(tmp_path) == 0


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

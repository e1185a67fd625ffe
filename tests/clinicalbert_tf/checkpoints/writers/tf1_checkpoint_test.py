import json
import os
import pathlib
import resource
import stat
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.checkpoints.readers.tf1 import restore_checkpoint
from clinicalbert_tf.checkpoints.writers import tf1_checkpoint as export
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import (
    remove_unfinished,
    write_tf1_checkpoint,
)
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone, build_pretraining_model
from tests import support

GOLDEN = support.GOLDEN / "tf1_checkpoint"
CONFIG = BertConfig.from_json_file(GOLDEN / "bert_config.json")
SHAPES = dict(json.loads((GOLDEN / "variables.json").read_text(encoding="utf-8")))
FILES = ["model.ckpt-20.data-00000-of-00001", "model.ckpt-20.index"]


def slots(model):
    return {
        f"{m.tf1_name}/{slot}": np.full(m.tf1_shape, value, np.float32)
        for m in model_variables(model)
        for slot, value in (("adam_m", 0.25), ("adam_v", 0.5))
    }


class WriteTf1CheckpointTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keras.utils.set_random_seed(6)
        cls.model = build_pretraining_model(CONFIG)
        # Biases and normalizations of their own too, so that no two variables may be exchanged.
        for index, weight in enumerate(cls.model.weights):
            weight.assign(weight + 0.001 * (index + 1))

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    def test_export_has_the_references_names_and_shapes_and_values(self):
        extra = {**slots(self.model), "global_step": np.int64(20)}
        prefix = write_tf1_checkpoint(self.model, self.folder / "run" / "model.ckpt-20", extra)
        self.assertEqual(sorted(os.listdir(self.folder / "run")), FILES)
        reader = tf.compat.v1.train.NewCheckpointReader(prefix)
        self.assertEqual(reader.get_variable_to_shape_map(), SHAPES)
        types = reader.get_variable_to_dtype_map()
        self.assertEqual(types.pop("global_step"), tf.int64)
        self.assertEqual(set(types.values()), {tf.float32})
        self.assertEqual(reader.get_tensor("global_step"), 20)
        self.assertTrue((reader.get_tensor("cls/predictions/output_bias/adam_v") == 0.5).all())
        query = self.model.backbone.transformer_layers[2].attention.query_dense
        self.assertAllEqual(
            reader.get_tensor("bert/encoder/layer_2/attention/self/query/kernel"),
            np.asarray(query.kernel).reshape(48, 48),
        )
        self.assertAllEqual(
            reader.get_tensor("cls/seq_relationship/output_weights"),
            np.asarray(self.model.next_sentence_head.kernel).T,
        )

    def test_restore_of_export_is_the_identity_to_the_bit(self):
        write_tf1_checkpoint(
            self.model, self.folder / "model.ckpt-20", {"global_step": np.int64(20)}
        )
        other = build_pretraining_model(CONFIG)
        report = restore_checkpoint(other, self.folder)
        self.assertEqual(report.skipped, ("global_step",))
        self.assertLen(report.restored, 62)
        for ours, theirs in zip(self.model.weights, other.weights, strict=True):
            self.assertEqual(np.asarray(ours).tobytes(), np.asarray(theirs).tobytes(), ours.path)

    def test_export_of_the_golden_checkpoint_is_the_golden_checkpoint(self):
        model = build_pretraining_model(CONFIG)
        restore_checkpoint(model, GOLDEN)
        prefix = write_tf1_checkpoint(model, self.folder / "model.ckpt-1")
        golden = tf.train.load_checkpoint(str(GOLDEN / "model.ckpt-150000"))
        written = tf.train.load_checkpoint(prefix)
        names = written.get_variable_to_shape_map()
        self.assertLen(names, 62)
        for name in names:
            self.assertEqual(
                golden.get_tensor(name).tobytes(), written.get_tensor(name).tobytes(), name
            )

    def test_backbone_alone_is_written_without_heads(self):
        backbone = build_backbone(CONFIG)
        prefix = write_tf1_checkpoint(backbone, self.folder / "bert_model.ckpt")
        names = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
        self.assertLen(names, 55)
        self.assertTrue(all(name.startswith("bert/") for name in names))

    def test_files_are_for_the_owner_only(self):
        write_tf1_checkpoint(self.model, self.folder / "run" / "model.ckpt-20")
        self.assertEqual(stat.S_IMODE((self.folder / "run").stat().st_mode), 0o700)
        for name in FILES:
            self.assertEqual(stat.S_IMODE((self.folder / "run" / name).stat().st_mode), 0o600)

    def test_extra_under_a_models_name_is_refused(self):
        with self.assertRaisesRegex(ValueError, "bert/pooler/dense/bias"):
            write_tf1_checkpoint(
                self.model, self.folder / "model.ckpt-1", {"bert/pooler/dense/bias": np.zeros(48)}
            )
        self.assertFalse(list(self.folder.iterdir()))

    @parameterized.parameters(0, 1)
    def test_writer_stopped_between_its_moves_leaves_no_checkpoint_and_harms_no_other(
        self, moves_done
    ):
        write_tf1_checkpoint(self.model, self.folder / "model.ckpt-10")
        moved = []

        def replace(source, target):
            if len(moved) == moves_done:
                raise KeyboardInterrupt
            moved.append(target)
            os.rename(source, target)

        self.enter_context(mock.patch.object(export.os, "replace", replace))
        with self.assertRaises(KeyboardInterrupt):
            write_tf1_checkpoint(self.model, self.folder / "model.ckpt-20")
        # The index, which makes a checkpoint of the files, is the last to come.
        self.assertFalse((self.folder / FILES[1]).exists())
        self.assertEqual((self.folder / FILES[0]).exists(), moves_done == 1)
        report = restore_checkpoint(build_pretraining_model(CONFIG), self.folder)
        self.assertEqual(report.source, str(self.folder / "model.ckpt-10"))

    def test_replacing_a_checkpoint_never_leaves_the_old_index_over_new_data(self):
        write_tf1_checkpoint(self.model, self.folder / "model.ckpt-20")
        seen = []

        def replace(source, target):
            seen.append((os.path.basename(target), (self.folder / FILES[1]).exists()))
            os.rename(source, target)

        self.enter_context(mock.patch.object(export.os, "replace", replace))
        write_tf1_checkpoint(
            self.model, self.folder / "model.ckpt-20", {"global_step": np.int64(1)}
        )
        self.assertEqual(seen, [(FILES[0], False), (FILES[1], False)])
        self.assertEqual(sorted(os.listdir(self.folder)), FILES)

    def test_full_disk_is_an_error_that_leaves_nothing_behind(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with self.assertRaises(OSError) as error:
                write_tf1_checkpoint(self.model, self.folder / "model.ckpt-20")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.assertIn(str(self.folder), str(error.exception))
        self.assertIn("Free space", str(error.exception))
        self.assertFalse(list(self.folder.iterdir()))

    def test_what_a_killed_writer_left_can_be_removed(self):
        write_tf1_checkpoint(self.model, self.folder / "model.ckpt-20")
        left = self.folder / ".model.ckpt-30.unfinished-x1"
        left.mkdir()
        (left / "model.ckpt-30.index").write_bytes(b"half")
        self.assertEqual(remove_unfinished(self.folder), 1)
        self.assertEqual(sorted(os.listdir(self.folder)), FILES)
        self.assertEqual(remove_unfinished(self.folder), 0)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.names import (
    POOLER,
    model_variables,
)
from clinicalbert_tf.checkpoints.readers.tf1 import (
    CorruptCheckpointError,
    list_variables,
    read_tf1_checkpoint_tensors,
    restore_checkpoint,
)
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone, build_pretraining_model
from tests import support

GOLDEN = support.GOLDEN / "tf1_checkpoint"
PREFIX = GOLDEN / "model.ckpt-150000"
CONFIG = BertConfig.from_json_file(GOLDEN / "bert_config.json")
SHAPES = dict(json.loads((GOLDEN / "variables.json").read_text(encoding="utf-8")))
MODEL_NAMES = {n for n in SHAPES if not n.endswith(("/adam_m", "/adam_v", "global_step"))}
DATA = ".data-00000-of-00001"


def write(prefix, tensors):
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tensors[name] for name in names],
    )
    return prefix


def without(tensors, *beginnings):
    return {name: value for name, value in tensors.items() if not name.startswith(beginnings)}


def weights_of(model):
    return [np.array(weight) for weight in model.weights]


def golden_outputs_and_ours(model):
    """{name: (what the reference gave, what the model gives)} for every output and loss."""
    golden = np.load(GOLDEN / "expected_outputs.npz")
    features = {
        "token_ids": golden["input_input_ids"],
        "segment_ids": golden["input_segment_ids"],
        "padding_mask": golden["input_input_mask"],
    }
    backbone = model.backbone
    layers = {
        "embedding_output": backbone.get_layer("embeddings_dropout").output,
        "layer_1": backbone.get_layer("transformer_layer_0").output,
        **backbone.output,
    }
    ours = keras.Model(backbone.input, layers)(features)
    logits = model({**features, "mask_positions": golden["input_masked_lm_positions"]})
    masked = keras.ops.log_softmax(keras.ops.reshape(logits["mlm_logits"], (-1, 1200)))
    sentence = keras.ops.log_softmax(logits["nsp_logits"])
    ours = {name: np.asarray(value) for name, value in ours.items()}
    ours["masked_lm_log_probs"], ours["next_sentence_log_probs"] = map(
        np.asarray, (masked, sentence)
    )
    weights = golden["input_masked_lm_weights"].ravel()
    picked = ours["masked_lm_log_probs"][np.arange(352), golden["input_masked_lm_ids"].ravel()]
    ours["masked_lm_loss"] = -(weights * picked).sum() / (weights.sum() + 1e-5)
    labels = golden["input_next_sentence_labels"].ravel()
    ours["next_sentence_loss"] = -ours["next_sentence_log_probs"][np.arange(16), labels].mean()
    return {name: (golden[name], value) for name, value in ours.items()}


def flip(content, name):
    """Flips one bit in the middle of a variable."""
    value = tf.train.load_checkpoint(str(PREFIX)).get_tensor(name).tobytes()
    content[content.index(value) + len(value) // 2] ^= 1
    return content


def damage(folder, change, suffix=DATA):
    for file in (".index", DATA):
        shutil.copy(str(PREFIX) + file, folder / f"model.ckpt-3{file}")
    path = folder / f"model.ckpt-3{suffix}"
    path.write_bytes(change(bytearray(path.read_bytes())))
    return folder / "model.ckpt-3"


class Tf1CheckpointTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = build_pretraining_model(CONFIG)
        cls.golden_tensors = read_tf1_checkpoint_tensors(PREFIX, SHAPES)

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    def test_every_output_of_the_golden_checkpoint_equals_the_references(self):
        restore_checkpoint(self.model, GOLDEN)
        outputs = golden_outputs_and_ours(self.model)
        self.assertLen(outputs, 8)
        for name, (expected, received) in outputs.items():
            self.assertAllClose(received, expected, rtol=0, atol=1e-5, msg=name)

    def test_name_table_is_one_to_one_with_the_references_variables(self):
        mappings = model_variables(self.model)
        self.assertEqual(
            {m.tf1_name: list(m.tf1_shape) for m in mappings}, {n: SHAPES[n] for n in MODEL_NAMES}
        )
        self.assertLen(mappings, len(self.model.weights))
        self.assertLen(self.model.weights, 62)
        self.assertEqual(
            {id(m.variable) for m in mappings}, {id(weight) for weight in self.model.weights}
        )
        for mapping in mappings:
            there = mapping.to_tf1(np.asarray(mapping.variable))
            self.assertEqual(there.shape, mapping.tf1_shape)
            self.assertAllEqual(mapping.from_tf1(there), np.asarray(mapping.variable))

    def test_variable_outside_the_table_is_refused(self):
        backbone = build_backbone(CONFIG)
        backbone.pooled_dense.enable_lora(2)
        with self.assertRaisesRegex(ValueError, "pooled_dense/lora_kernel_a"):
            model_variables(backbone)

    def test_report_counts_and_names_everything(self):
        report = restore_checkpoint(self.model, str(PREFIX) + ".index")
        self.assertEqual(set(report.restored), MODEL_NAMES)
        self.assertEqual(report.initialised, ())
        self.assertEqual(set(report.skipped), set(SHAPES) - MODEL_NAMES)
        self.assertEqual(
            str(report),
            f"{PREFIX}: restored 62, initialised 0, skipped 125 variables "
            "(62 adam_m, 62 adam_v, global_step)",
        )
        details = report.details().splitlines()
        self.assertLen(details, 1 + 62 + 125)
        self.assertIn("  restored: cls/seq_relationship/output_weights", details)
        self.assertIn("  skipped: bert/pooler/dense/bias/adam_m", details)

    def test_backbone_alone_is_restored_and_skips_the_heads(self):
        backbone = build_backbone(CONFIG)
        report = restore_checkpoint(backbone, PREFIX)
        self.assertLen(report.restored, 55)
        self.assertFalse(report.initialised)
        self.assertIn("cls/predictions/output_bias", report.skipped)
        restore_checkpoint(self.model, PREFIX)
        for ours, theirs in zip(weights_of(backbone), weights_of(self.model.backbone), strict=True):
            self.assertAllEqual(ours, theirs)

    def test_missing_unused_and_misshaped_variables_are_all_listed(self):
        changed = dict(self.golden_tensors)
        del changed["bert/pooler/dense/bias"]
        del changed["cls/predictions/output_bias"]
        changed["bert/encoder/layer_3/output/dense/bias"] = np.zeros(48, np.float32)
        changed["output_weights"] = np.zeros((2, 48), np.float32)
        changed["bert/embeddings/word_embeddings"] = np.zeros((1199, 48), np.float32)
        changed["bert/encoder/layer_0/intermediate/dense/kernel"] = np.zeros((96, 48), np.float32)
        before = weights_of(self.model)
        with self.assertRaises(ValueError) as error:
            restore_checkpoint(self.model, write(self.folder / "model.ckpt-1", changed))
        message = str(error.exception)
        self.assertIn(str(self.folder / "model.ckpt-1"), message)
        self.assertIn("missing (2): bert/pooler/dense/bias, cls/predictions/output_bias", message)
        self.assertIn("unused (2): bert/encoder/layer_3/output/dense/bias, output_weights", message)
        self.assertIn("misshaped (2): bert/embeddings/word_embeddings", message)
        self.assertIn("(expected [1200, 48], received [1199, 48])", message)
        self.assertIn("intermediate/dense/kernel (expected [48, 96], received [96, 48])", message)
        for old, new in zip(before, weights_of(self.model), strict=True):
            self.assertAllEqual(old, new)

    def test_absent_heads_are_an_error_unless_allowed_and_then_listed(self):
        prefix = write(self.folder / "model.ckpt-1", without(self.golden_tensors, "cls/"))
        keras.utils.set_random_seed(1)
        model = build_pretraining_model(CONFIG)
        with self.assertRaisesRegex(ValueError, r"missing \(7\)"):
            restore_checkpoint(model, prefix)
        head = np.array(model.next_sentence_head.kernel)
        report = restore_checkpoint(model, prefix, allow_missing_heads=True)
        self.assertLen(report.restored, 55)
        self.assertEqual(set(report.initialised), {n for n in MODEL_NAMES if n.startswith("cls/")})
        self.assertIn("initialised 7", str(report))
        self.assertIn("cls/predictions/transform/dense/kernel", str(report))
        self.assertAllEqual(head, model.next_sentence_head.kernel)
        self.assertAllEqual(
            model.backbone.token_embedding.embeddings,
            self.golden_tensors["bert/embeddings/word_embeddings"],
        )

    def test_one_absent_head_is_allowed_and_half_a_head_is_not(self):
        one = write(self.folder / "one.ckpt", without(self.golden_tensors, "cls/seq_relationship/"))
        report = restore_checkpoint(self.model, one, allow_missing_heads=True)
        self.assertLen(report.initialised, 2)
        half = write(
            self.folder / "half.ckpt", without(self.golden_tensors, "cls/predictions/output_bias")
        )
        with self.assertRaisesRegex(ValueError, r"missing \(1\): cls/predictions/output_bias\n"):
            restore_checkpoint(self.model, half, allow_missing_heads=True)

    def test_absent_pooler_is_allowed_only_when_named(self):
        prefix = write(self.folder / "model.ckpt", without(self.golden_tensors, "bert/pooler/"))
        with self.assertRaisesRegex(ValueError, "bert/pooler/dense/kernel"):
            restore_checkpoint(self.model, prefix, allow_missing_heads=True)
        report = restore_checkpoint(self.model, prefix, allow_missing=POOLER)
        self.assertEqual(report.initialised, ("bert/pooler/dense/kernel", "bert/pooler/dense/bias"))

    def test_half_precision_checkpoint_is_read_and_integers_are_refused(self):
        halves = {n: self.golden_tensors[n].astype(np.float16) for n in MODEL_NAMES}
        restore_checkpoint(self.model, write(self.folder / "half.ckpt", halves))
        self.assertAllEqual(
            self.model.backbone.token_embedding.embeddings,
            halves["bert/embeddings/word_embeddings"].astype(np.float32),
        )
        quantized = {**halves, "bert/pooler/dense/bias": np.zeros(48, np.int8)}
        with self.assertRaisesRegex(ValueError, r"bert/pooler/dense/bias.*int8"):
            restore_checkpoint(self.model, write(self.folder / "int.ckpt", quantized))

    @parameterized.named_parameters(
        ("half", DATA, lambda content: content[: len(content) // 2]),
        ("empty", DATA, lambda content: b""),
        ("one_bit", DATA, lambda content: flip(content, "bert/pooler/dense/kernel")),
        ("half_index", ".index", lambda content: content[:500]),
        ("empty_index", ".index", lambda content: b""),
        ("index_bytes", ".index", lambda content: content[:200] + b"\xff" * 9 + content[209:]),
    )
    def test_damaged_file_is_a_clear_error(self, suffix, change):
        with self.assertRaises(CorruptCheckpointError) as error:
            prefix = damage(self.folder, change, suffix)
            restore_checkpoint(self.model, prefix)
        self.assertIn(str(prefix), str(error.exception))
        self.assertIn("damaged", str(error.exception))
        self.assertIn("again", str(error.exception))

    def test_object_based_checkpoint_is_named_as_such(self):
        saved = tf.train.Checkpoint(kernel=tf.Variable([1.0])).write(str(self.folder / "ckpt-1"))
        with self.assertRaisesRegex(ValueError, "TF2 object-based"):
            restore_checkpoint(self.model, saved)

    def test_adam_slots_and_step_are_read_back_by_name(self):
        names = ["bert/pooler/dense/bias/adam_m", "bert/pooler/dense/bias/adam_v", "global_step"]
        read = read_tf1_checkpoint_tensors(GOLDEN, names)
        self.assertEqual(list(read), names)
        reader = tf.compat.v1.train.NewCheckpointReader(str(PREFIX))
        for name in names:
            self.assertAllEqual(read[name], reader.get_tensor(name))
        self.assertEqual(read["bert/pooler/dense/bias/adam_m"].shape, (48,))
        self.assertEqual(list_variables(GOLDEN), SHAPES)
        with self.assertRaisesRegex(ValueError, "no_such/adam_m, other, found"):
            read_tf1_checkpoint_tensors(GOLDEN, ["no_such/adam_m", "other", "global_step"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""A source into models of other heads: what is restored, what starts fresh, what is unused."""

import dataclasses
import os
import shutil

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.fingerprint import fingerprint
from clinicalbert_tf.checkpoints.into_model import restore_into
from clinicalbert_tf.checkpoints.names import HEADS
from clinicalbert_tf.checkpoints.task_file import TaskDescription, read_task, write_task
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import (
    build_classifier,
    build_pretraining_model,
    build_span_model,
    build_tagger,
)

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijk"]
CONFIG = BertConfig(
    vocab_size=len(VOCABULARY),
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=12,
    max_position_embeddings=6,
    type_vocab_size=2,
)
LABELS = ("entailment", "neutral", "contradiction")
FEATURES = {
    "token_ids": np.arange(12, dtype=np.int32).reshape(2, 6),
    "segment_ids": np.zeros((2, 6), np.int32),
    "padding_mask": np.ones((2, 6), np.int32),
}


def run_folder(folder, model, task=None, step=7):
    """A run's output folder, as training leaves it."""
    os.makedirs(folder)
    slots = {"bert/pooler/dense/bias/adam_m": np.zeros(8, np.float32), "global_step": np.int64(7)}
    write_tf1_checkpoint(model, os.path.join(folder, f"model.ckpt-{step}"), slots)
    CONFIG.write(os.path.join(folder, "bert_config.json"))
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(VOCABULARY) + "\n")
    if task is not None:
        write_task(folder, task)
    return folder


class RestoreIntoTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.classifier = build_classifier(CONFIG, 3)
        cls.classifier.head.bias.assign([1.0, 2.0, 3.0])

    def folder(self, name, model, task=None):
        path = os.path.join(self.get_temp_dir(), name)
        shutil.rmtree(path, ignore_errors=True)
        return run_folder(path, model, task)

    def classifier_folder(self):
        task = TaskDescription("classifier", LABELS, "single", "mednli", max_seq_length=128)
        return self.folder("classifier", self.classifier, task)

    @parameterized.parameters(
        ("classifier", LABELS, True),
        ("classifier", LABELS[::-1], False),
        ("classifier", ("yes", "no", "maybe"), False),
        ("classifier", None, False),
        # Equal names and shapes, another head.
        ("tagger", LABELS, False),
    )
    def test_a_head_is_restored_for_the_same_labels_only(self, head, labels, restored):
        build = {"classifier": build_classifier, "tagger": build_tagger}[head]
        model = build(CONFIG, 3)
        before = np.asarray(model.head.kernel)
        source = open_checkpoint(self.classifier_folder())
        report = restore_into(model, source, labels=labels)
        expected = np.asarray(self.classifier.head.kernel) if restored else before
        self.assertAllEqual(model.head.kernel, expected)
        self.assertEqual("output_weights" in report.restored, restored)
        self.assertEqual(report.initialised, () if restored else ("output_weights", "output_bias"))
        self.assertEqual("output_weights" in report.skipped, not restored)
        encoded = model.backbone(FEATURES)["pooled_output"]
        self.assertAllEqual(encoded, self.classifier.backbone(FEATURES)["pooled_output"])

    def test_a_checkpoint_of_pretraining_starts_the_head_fresh_and_says_so(self):
        source = open_checkpoint(self.folder("pretrained", build_pretraining_model(CONFIG)))
        model = build_span_model(CONFIG)
        with self.assertLogs("absl", "WARNING") as logs:
            report = restore_into(model, source)
        names = ("cls/squad/output_weights", "cls/squad/output_bias")
        self.assertEqual(report.initialised, names)
        self.assertIn("initialised: cls/squad/output_weights", logs.output[0])
        self.assertIn("cls/predictions/output_bias", report.skipped)
        self.assertIn("global_step", report.skipped)
        self.assertIn("bert/pooler/dense/bias/adam_m", report.skipped)

    def test_a_classifier_gives_a_pretraining_model_its_encoder(self):
        model = build_pretraining_model(CONFIG)
        report = restore_into(model, open_checkpoint(self.classifier_folder()))
        self.assertLen(report.initialised, 7)
        self.assertTrue(all(name.startswith("cls/") for name in report.initialised))
        self.assertAllEqual(
            model.backbone(FEATURES)["sequence_output"],
            self.classifier.backbone(FEATURES)["sequence_output"],
        )

    def test_a_required_head_must_be_the_same(self):
        source = open_checkpoint(self.classifier_folder())
        model = build_classifier(CONFIG, 3)
        report = restore_into(model, source, labels=LABELS, require_head=True)
        self.assertEmpty(report.initialised)
        with self.assertRaisesRegex(ValueError, "a classifier of a, b, c, received a classifier"):
            restore_into(model, source, labels=("a", "b", "c"), require_head=True)
        with self.assertRaisesRegex(ValueError, "expected a span, received a classifier of ent"):
            restore_into(build_span_model(CONFIG), source, require_head=True)

    def test_a_run_folder_is_a_model_with_labels(self):
        folder = self.classifier_folder()
        bert = clinicalbert_tf.from_pretrained(folder, do_lower_case=True)
        self.assertEqual(bert.labels, LABELS)
        self.assertEqual(bert.task.task, "mednli")
        self.assertEqual(bert.task.max_seq_length, 128)
        self.assertIs(bert.task_model.backbone, bert.backbone)
        self.assertAllEqual(
            bert.task_model(FEATURES)["logits"], self.classifier(FEATURES)["logits"]
        )
        self.assertIn("output_weights", bert.report.restored)
        self.assertNotIn("output_weights", bert.report.skipped)

    @parameterized.parameters(np.nan, np.inf, -np.inf)
    def test_weights_that_are_not_finite_are_refused_by_name(self, value):
        model = build_pretraining_model(CONFIG)
        bias = model.backbone.pooled_dense.bias
        bias.assign(np.array([value, *[0] * 7], np.float32))
        folder = self.folder("broken", model)
        message = r"broken.model\.ckpt-7: .* NaN or infinity in bert/pooler/dense/bias \(1 of 8\)"
        with self.assertRaisesRegex(ValueError, message):
            clinicalbert_tf.from_pretrained(folder, do_lower_case=True)
        with self.assertRaisesRegex(ValueError, message):
            open_checkpoint(folder).tensors["bert/pooler/dense/bias"]

    def test_two_models_have_two_fingerprints(self):
        one = open_checkpoint(self.classifier_folder())
        self.assertEqual(fingerprint(one), fingerprint(open_checkpoint(self.classifier_folder())))
        other = open_checkpoint(self.folder("other", build_classifier(CONFIG, 3)))
        self.assertNotEqual(fingerprint(one), fingerprint(other))
        # Formats without an index go by their numbers.
        self.assertNotEqual(
            fingerprint(dataclasses.replace(one, path="x")),
            fingerprint(dataclasses.replace(other, path="x")),
        )


class TaskFileTest(parameterized.TestCase, tf.test.TestCase):
    def test_what_is_written_is_read(self):
        folder = self.get_temp_dir()
        for labels in (("01", "NA", "null"), ("yes",)):
            task = TaskDescription("classifier", labels, "multi", settings={"threshold": 0.25})
            write_task(folder, task)
            self.assertEqual(read_task(folder), task)
        self.assertEqual(os.stat(os.path.join(folder, "labels.json")).st_mode & 0o777, 0o600)

    @parameterized.parameters(
        ({"head": "masked_lm", "labels": ["a"]}, "head to be one of"),
        ({"head": "tagger"}, "the labels of a tagger, received 0"),
        ({"head": "span", "labels": ["a"]}, "no labels of a span"),
        ({"head": "tagger", "labels": ["a", "a"]}, "every label once"),
        ({"head": "tagger", "labels": [1, 2]}, "labels that are strings"),
        ({"head": "classifier", "labels": ["a"], "problem_type": "x"}, "problem_type"),
    )
    def test_what_no_model_can_have_is_refused(self, values, named):
        with self.assertRaisesRegex(ValueError, named):
            TaskDescription(**values)

    def test_every_head_of_a_task_has_its_names(self):
        for head in ("classifier", "tagger", "span"):
            self.assertLen(HEADS[head].rows, 2)


if __name__ == "__main__":
    tf.test.main()

"""The table of names: rows per head, out as a TF1 checkpoint and in again."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.names import (
    HEADS,
    model_variables,
    names_of_other_heads,
)
from clinicalbert_tf.checkpoints.readers.tf1 import list_variables, restore_checkpoint
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import (
    build_backbone,
    build_classifier,
    build_pretraining_model,
    build_span_model,
    build_tagger,
)

CONFIG = BertConfig(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=12,
    max_position_embeddings=6,
    type_vocab_size=2,
)
# As the reference's run_classifier.py, BioBERT's run_ner.py and run_squad.py make them.
TASKS = (
    ("classifier", lambda: build_classifier(CONFIG, 3), {"output_weights": [3, 8]}, 3),
    ("tagger", lambda: build_tagger(CONFIG, 5), {"output_weights": [5, 8]}, 5),
    ("span", lambda: build_span_model(CONFIG), {"cls/squad/output_weights": [2, 8]}, 2),
)
FEATURES = {
    "token_ids": np.arange(12, dtype=np.int32).reshape(2, 6),
    "segment_ids": np.zeros((2, 6), np.int32),
    "padding_mask": np.ones((2, 6), np.int32),
}


class NamesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.named_parameters(*TASKS)
    def test_a_task_model_has_the_references_names_and_shapes(self, build, weights, outputs):
        model = build()
        model.head.bias.assign(np.arange(outputs, dtype=np.float32))
        prefix = write_tf1_checkpoint(model, self.get_temp_dir() + "/model.ckpt-1")
        shapes = list_variables(prefix)
        (name,) = weights
        bias = name.replace("weights", "bias")
        self.assertEqual({name: shapes[name]}, weights)
        self.assertEqual(shapes[bias], [outputs])
        self.assertIn("bert/pooler/dense/kernel", shapes)
        self.assertLen(shapes, len(model.weights))
        stored = tf.train.load_checkpoint(prefix).get_tensor(name)
        self.assertAllEqual(stored, np.asarray(model.head.kernel).T)
        again = build()
        report = restore_checkpoint(again, prefix)
        self.assertEqual(set(report.restored), set(shapes))
        for key, logits in model(FEATURES).items():
            self.assertAllEqual(again(FEATURES)[key], logits)

    def test_a_model_without_the_head_skips_it_by_name(self):
        model = build_classifier(CONFIG, 3)
        prefix = write_tf1_checkpoint(model, self.get_temp_dir() + "/model.ckpt-1")
        report = restore_checkpoint(build_backbone(CONFIG), prefix)
        self.assertEqual(report.skipped, ("output_bias", "output_weights"))
        report = restore_checkpoint(
            build_pretraining_model(CONFIG), prefix, allow_missing_heads=True
        )
        self.assertEqual(report.skipped, ("output_bias", "output_weights"))
        self.assertLen(report.initialised, 7)

    def test_only_models_that_read_the_pooled_output_train_the_pooler(self):
        reads_pooled = {
            lambda config: build_classifier(config, 2): True,
            lambda config: build_tagger(config, 2): False,
            build_span_model: False,
        }
        for build, expected in reads_pooled.items():
            model = build(CONFIG)
            with tf.GradientTape() as tape:
                loss = tf.add_n([tf.reduce_sum(o**2) for o in model(FEATURES).values()])
            mappings = model_variables(model)
            gradients = tape.gradient(loss, [m.variable.value for m in mappings])
            without = {m.tf1_name for m, g in zip(mappings, gradients, strict=True) if g is None}
            pooler = {m.tf1_name for m in mappings if m.tf1_name.startswith("bert/pooler/")}
            self.assertEqual(without, set() if expected else pooler)

    def test_prefixes_tell_heads_apart_from_everything_else(self):
        names = [m.tf1_name for m in model_variables(build_backbone(CONFIG))]
        self.assertEmpty(names_of_other_heads(names, ()))
        for head in HEADS.values():
            self.assertTrue(all(row.tf1_name.startswith(head.prefix) for row in head.rows))


if __name__ == "__main__":
    tf.test.main()

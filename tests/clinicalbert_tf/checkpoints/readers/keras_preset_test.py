"""Keras presets of keras_nlp's BertBackbone and of this package's, read without Keras."""

import dataclasses
import json
import pathlib

import keras_nlp
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.names import model_variables
from clinicalbert_tf.checkpoints.readers.keras_preset import is_keras_preset, read_keras_preset
from clinicalbert_tf.checkpoints.source import check_tensors, reference_shapes
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone
from tests import support

GOLDEN = support.GOLDEN / "tf1_checkpoint"
CONFIG = BertConfig.from_json_file(GOLDEN / "bert_config.json")


def keras_nlp_backbone():
    backbone = keras_nlp.models.BertBackbone(
        vocabulary_size=1200,
        num_layers=3,
        num_heads=4,
        hidden_dim=48,
        intermediate_dim=96,
        dropout=0.0,
        max_sequence_length=128,
    )
    rng = np.random.default_rng(1)
    for weight in backbone.weights:
        weight.assign(rng.standard_normal(weight.shape))
    return backbone


def copied(preset, folder, **changes):
    """The preset's small files and weights, one config value changed."""
    for name in ("config.json", "model.weights.h5"):
        (folder / name).write_bytes((preset["folder"] / name).read_bytes())
    values = json.loads((folder / "config.json").read_text())
    values["config"] |= changes.pop("config", {})
    (folder / "config.json").write_text(json.dumps(values | changes))
    return folder


class KerasPresetTest(tf.test.TestCase, parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        """A BertMaskedLM with its tokenizer: {"folder", "model"}."""
        super().setUpClass()
        folder = support.class_folder(cls)
        tokenizer = keras_nlp.models.BertTokenizer(str(GOLDEN / "vocab.txt"), lowercase=False)
        preprocessor = keras_nlp.models.BertMaskedLMPreprocessor(tokenizer, sequence_length=16)
        model = keras_nlp.models.BertMaskedLM(keras_nlp_backbone(), preprocessor)
        model.save_to_preset(folder)
        cls.preset = {"folder": pathlib.Path(folder), "model": model}

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())

    def test_keras_nlps_weights_have_the_reference_names_and_shapes(self):
        source = read_keras_preset(self.preset["folder"])
        backbone = self.preset["model"].backbone
        query = backbone.transformer_layers[2]._self_attention_layer._query_dense
        shapes = reference_shapes(CONFIG)
        for name, variable in (
            ("bert/embeddings/word_embeddings", backbone.token_embedding.embeddings),
            ("bert/embeddings/token_type_embeddings", backbone.segment_embedding.embeddings),
            ("bert/embeddings/LayerNorm/beta", backbone.embeddings_layer_norm.beta),
            ("bert/encoder/layer_2/attention/self/query/kernel", query.kernel),
            ("bert/encoder/layer_2/attention/self/query/bias", query.bias),
            (
                "bert/encoder/layer_0/output/LayerNorm/gamma",
                backbone.transformer_layers[0]._feedforward_layer_norm.gamma,
            ),
            ("bert/pooler/dense/kernel", backbone.pooled_dense.kernel),
        ):
            expected = np.array(variable).reshape(shapes[name])
            self.assertAllEqual(source.tensors[name], expected, msg=name)
            self.assertEqual(source.tensors.shapes[name], shapes[name])
        self.assertEqual(source.config, CONFIG)
        self.assertEqual(source.gelu, "tanh")
        self.assertIs(source.do_lower_case, False)
        self.assertEqual(
            pathlib.Path(source.vocab_file).read_bytes().split(),
            (GOLDEN / "vocab.txt").read_bytes().split(),
        )

    def test_the_masked_lm_head_comes_with_a_remark(self):
        source = read_keras_preset(self.preset["folder"])
        head = self.preset["model"].masked_lm_head
        for name, variable in (
            ("transform/dense/kernel", head._intermediate_dense.kernel),
            ("transform/LayerNorm/gamma", head._intermediate_layer_norm.gamma),
            ("output_bias", head._bias),
        ):
            self.assertAllEqual(source.tensors[f"cls/predictions/{name}"], np.array(variable))
        report = check_tensors(source)
        self.assertEqual(
            report.missing,
            (
                "cls/seq_relationship/output_weights",
                "cls/seq_relationship/output_bias",
            ),
        )
        self.assertIn("exact gelu", source.remarks[0])

    @parameterized.parameters("gelu", "gelu_erf")
    def test_this_packages_own_backbone_keeps_configuration_and_weights(self, act):
        config = dataclasses.replace(
            CONFIG, hidden_act=act, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.3
        )
        backbone = build_backbone(config)
        backbone.save_to_preset(str(self.folder))
        source = read_keras_preset(self.folder)
        self.assertEqual(source.config, config)
        self.assertIsNone(source.vocab_file)
        self.assertEqual(source.remarks, ())
        mappings = model_variables(backbone)
        self.assertEqual(set(source.tensors), {mapping.tf1_name for mapping in mappings})
        for mapping in mappings:
            expected = mapping.to_tf1(np.array(mapping.variable))
            self.assertAllEqual(source.tensors[mapping.tf1_name], expected)

    def test_other_presets_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, "preset of a BertBackbone, received class_name 'Gpt2"
        ):
            read_keras_preset(copied(self.preset, self.folder, class_name="Gpt2Backbone"))
        saved = {"class_name": "BertBackbone", "config": {"num_layers": 2}}
        (self.folder / "config.json").write_text(json.dumps(saved))
        with self.assertRaisesRegex(ValueError, "received none of dropout, hidden_dim"):
            read_keras_preset(self.folder)

    def test_a_preset_whose_shapes_differ_is_an_error(self):
        source = read_keras_preset(copied(self.preset, self.folder, config={"num_layers": 4}))
        with self.assertRaisesRegex(ValueError, "missing: bert/encoder/layer_3"):
            check_tensors(source)

    @parameterized.parameters(0, 1000, 100_000)
    def test_damaged_weights_are_an_error(self, keep):
        folder = copied(self.preset, self.folder)
        data = (folder / "model.weights.h5").read_bytes()
        (folder / "model.weights.h5").write_bytes(data[:keep])
        with self.assertRaisesRegex(ValueError, "expected a whole HDF5 file"):
            read_keras_preset(folder)

    def test_weights_in_parts_are_named(self):
        (self.folder / "model.weights.json").write_text("{}")
        self.assertTrue(is_keras_preset(self.folder))
        with self.assertRaisesRegex(FileNotFoundError, "max_shard_size=None"):
            read_keras_preset(self.folder)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

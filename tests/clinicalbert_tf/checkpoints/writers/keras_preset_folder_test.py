import keras_nlp
import numpy as np
import pytest
from absl.testing import parameterized

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers.conversion import (
    ConversionSettings,
    convert,
    weights_digest,
)
from tests.clinicalbert_tf.checkpoints.writers import golden_source
from tfrecords_builder.tokenization import BertTokenizer


def made_preset(checkpoint, tmp_path):
    return convert(ConversionSettings(str(checkpoint), str(tmp_path / "made"), "keras"))


class KerasPresetFolderTest(golden_source.GoldenSourceTestCase):
    def test_stock_classes_load_the_preset_with_the_reference_outputs(self):
        made = made_preset(self.checkpoint, self.folder)
        inputs, outputs = golden_source.inputs_and_outputs()
        task = keras_nlp.models.BertMaskedLM.from_preset(made.target)
        backbone = keras_nlp.models.BertBackbone.from_preset(made.target)
        source = open_checkpoint(self.checkpoint).tensors
        for model in (backbone, task.backbone):
            self.assertIs(type(model), keras_nlp.models.BertBackbone)
            encoded = model({name: inputs[name] for name in model.input})
            for name in ("sequence_output", "pooled_output"):
                self.assertAllClose(encoded[name], outputs[name], rtol=0, atol=1e-5)
            query = model.transformer_layers[1]._self_attention_layer.query_dense.kernel
            self.assertAllEqual(
                np.reshape(query, (48, 48)),
                source["bert/encoder/layer_1/attention/self/query/kernel"],
            )
        head = task.masked_lm_head
        self.assertAllEqual(
            head._intermediate_dense.kernel, source["cls/predictions/transform/dense/kernel"]
        )
        self.assertAllEqual(head._bias, source["cls/predictions/output_bias"])
        self.assertTrue(any("exact gelu" in remark for remark in made.remarks))

    @parameterized.parameters(True, False)
    def test_stock_tokenizer_has_the_casing(self, cased):
        checkpoint = self.checkpoint if cased else self.uncased_checkpoint
        made = made_preset(checkpoint, self.folder)
        theirs = keras_nlp.models.BertTokenizer.from_preset(made.target)
        ours = BertTokenizer(str(checkpoint / "vocab.txt"), not cased)
        for text in (
            "The PATIENT denies chest pain, 2 mg.",
            "Na\u00efve caf\u00e9 r\u00e9sum\u00e9",
        ):
            self.assertEqual(np.asarray(theirs(text)).tolist(), ours.encode(text))
        self.assertIsNot(open_checkpoint(made.target).do_lower_case, cased)

    def test_round_trip_keeps_every_weight_and_both_dropouts(self):
        self.configure(
            attention_probs_dropout_prob=0.25, hidden_dropout_prob=0.5, initializer_range=0.01
        )
        made = made_preset(self.checkpoint, self.folder)
        before, after = open_checkpoint(self.checkpoint), open_checkpoint(made.target)
        self.assertEqual(set(after.tensors), set(before.tensors))
        self.assertEqual(weights_digest(after), weights_digest(before))
        self.assertEqual(weights_digest(before), made.weights_sha256)
        self.assertEqual(after.config, before.config)
        self.assertEqual(keras_nlp.models.BertBackbone.from_preset(made.target).dropout, 0.5)

    @parameterized.parameters("gelu_erf", "relu")
    def test_activation_that_the_stock_class_does_not_compute_is_an_error(self, activation):
        self.configure(hidden_act=activation)
        with self.assertRaisesRegex(ValueError, rf"hidden_act gelu .*received {activation}.*onnx"):
            made_preset(self.checkpoint, self.folder)
        self.assertFalse((self.folder / "made").exists())

    def test_encoder_alone_gives_a_preset_without_masked_lm(self):
        from clinicalbert_tf.checkpoints.writers.restored_model import restored_backbone
        from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint

        source = open_checkpoint(self.checkpoint)
        backbone = restored_backbone(source)
        for path in self.checkpoint.glob("model.ckpt*"):
            path.unlink()
        write_tf1_checkpoint(backbone, self.checkpoint / "bert_model.ckpt")
        made = made_preset(self.checkpoint, self.folder)
        self.assertFalse((self.folder / "made" / "task.json").exists())
        self.assertEqual(made.remarks, ())
        after = open_checkpoint(made.target)
        self.assertLen(after.tensors, made.arrays)
        self.assertEqual(made.arrays, 55)
        self.assertEqual(weights_digest(after), made.weights_sha256)
        keras_nlp.models.BertTokenizer.from_preset(made.target)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import importlib.util
from unittest import mock

import numpy as np
import pytest
from absl.testing import parameterized

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
from tests.clinicalbert_tf.checkpoints.writers import golden_source


def made_session(checkpoint, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    made = convert(ConversionSettings(str(checkpoint), str(tmp_path / "made"), "onnx"))
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    return runtime.InferenceSession(f"{made.target}/model.onnx", options), made


def run(session, inputs):
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


class OnnxFolderTest(golden_source.GoldenSourceTestCase):
    def test_outputs_are_the_references(self):
        session, _ = made_session(self.checkpoint, self.folder)
        inputs, outputs = golden_source.inputs_and_outputs()
        made = run(session, inputs)
        for name in ("sequence_output", "pooled_output"):
            self.assertAllClose(made[name], outputs[name], rtol=0, atol=1e-5)
        masked = golden_source.log_softmax(made["mlm_logits"]).reshape(-1, 1200)
        self.assertAllClose(masked, outputs["masked_lm_log_probs"], rtol=0, atol=1e-5)
        following = golden_source.log_softmax(made["nsp_logits"])
        self.assertAllClose(following, outputs["next_sentence_log_probs"], rtol=0, atol=1e-5)
        first = outputs["sequence_output"][0][inputs["padding_mask"][0] == 1]
        self.assertAllClose(made["sentence_vector"][0], first.mean(axis=0), rtol=0, atol=1e-5)

    def test_positions_may_be_left_out_and_shapes_are_free(self):
        session, _ = made_session(self.checkpoint, self.folder)
        inputs, outputs = golden_source.inputs_and_outputs()
        length = int(inputs["padding_mask"][2].sum())
        short = {n: inputs[n][2:3, :length] for n in ("token_ids", "segment_ids", "padding_mask")}
        made = run(session, short)
        self.assertEqual(made["mlm_logits"].shape, (1, 0, 1200))
        expected_rows = outputs["sequence_output"][2:3, :length]
        self.assertAllClose(made["sequence_output"], expected_rows, rtol=0, atol=1e-5)

    def test_initializers_are_the_checkpoint_to_the_bit(self):
        onnx = pytest.importorskip("onnx")
        _, made = made_session(self.checkpoint, self.folder)
        graph = onnx.load(f"{made.target}/model.onnx").graph
        arrays = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
        self.assertEqual(arrays.pop("mask_positions").shape, (1, 0))
        before = open_checkpoint(self.checkpoint).tensors
        self.assertEqual(set(arrays), set(before))
        self.assertLen(arrays, made.arrays)
        for name in before:
            self.assertAllEqual(arrays[name], before[name], msg=name)

    @parameterized.parameters("gelu_erf", "relu", "tanh", "linear")
    def test_other_activations_equal_the_keras_model(self, activation):
        self.configure(hidden_act=activation)
        session, _ = made_session(self.checkpoint, self.folder)
        inputs, outputs = golden_source.inputs_and_outputs()
        theirs = clinicalbert_tf.from_pretrained(self.checkpoint).pretraining_model(inputs)
        made = run(session, inputs)
        self.assertAllClose(made["mlm_logits"], theirs["mlm_logits"], rtol=0, atol=1e-4)
        self.assertGreater(np.abs(made["pooled_output"] - outputs["pooled_output"]).max(), 1e-5)

    def test_missing_extra_is_named_before_anything_is_read(self):
        self.enter_context(mock.patch.object(importlib.util, "find_spec", lambda name: None))
        settings = ConversionSettings("no such source", str(self.folder / "made"), "onnx")
        with self.assertRaisesRegex(
            ImportError, r"package onnx.*pip install 'clinicalbert_tf\[onnx\]'"
        ):
            convert(settings)
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

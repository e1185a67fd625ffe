import importlib.util

import numpy as np
import pytest

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert


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


def test_outputs_are_the_references(checkpoint, tmp_path, expected, log_softmax):
    session, _ = made_session(checkpoint, tmp_path)
    inputs, outputs = expected
    made = run(session, inputs)
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_allclose(made[name], outputs[name], atol=1e-5)
    masked = log_softmax(made["mlm_logits"]).reshape(-1, 1200)
    np.testing.assert_allclose(masked, outputs["masked_lm_log_probs"], atol=1e-5)
    following = log_softmax(made["nsp_logits"])
    np.testing.assert_allclose(following, outputs["next_sentence_log_probs"], atol=1e-5)
    first = outputs["sequence_output"][0][inputs["padding_mask"][0] == 1]
    np.testing.assert_allclose(made["sentence_vector"][0], first.mean(axis=0), atol=1e-5)


def test_positions_may_be_left_out_and_shapes_are_free(checkpoint, tmp_path, expected):
    session, _ = made_session(checkpoint, tmp_path)
    inputs, outputs = expected
    length = int(inputs["padding_mask"][2].sum())
    short = {n: inputs[n][2:3, :length] for n in ("token_ids", "segment_ids", "padding_mask")}
    made = run(session, short)
    assert made["mlm_logits"].shape == (1, 0, 1200)
    expected_rows = outputs["sequence_output"][2:3, :length]
    np.testing.assert_allclose(made["sequence_output"], expected_rows, atol=1e-5)


def test_initializers_are_the_checkpoint_to_the_bit(checkpoint, tmp_path):
    onnx = pytest.importorskip("onnx")
    _, made = made_session(checkpoint, tmp_path)
    graph = onnx.load(f"{made.target}/model.onnx").graph
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    assert arrays.pop("mask_positions").shape == (1, 0)
    before = open_checkpoint(checkpoint).tensors
    assert set(arrays) == set(before) and len(arrays) == made.arrays
    for name in before:
        np.testing.assert_array_equal(arrays[name], before[name], name)


@pytest.mark.parametrize("activation", ["gelu_erf", "relu", "tanh", "linear"])
def test_other_activations_equal_the_keras_model(
    checkpoint, configure, tmp_path, expected, activation
):
    configure(hidden_act=activation)
    session, _ = made_session(checkpoint, tmp_path)
    inputs, outputs = expected
    theirs = clinicalbert_tf.from_pretrained(checkpoint).pretraining_model(inputs)
    made = run(session, inputs)
    np.testing.assert_allclose(made["mlm_logits"], theirs["mlm_logits"], atol=1e-4)
    assert np.abs(made["pooled_output"] - outputs["pooled_output"]).max() > 1e-5


def test_missing_extra_is_named_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    settings = ConversionSettings("no such source", str(tmp_path / "made"), "onnx")
    with pytest.raises(ImportError, match=r"package onnx.*pip install 'clinicalbert_tf\[onnx\]'"):
        convert(settings)
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

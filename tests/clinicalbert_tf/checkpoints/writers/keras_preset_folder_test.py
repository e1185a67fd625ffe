import keras_nlp
import numpy as np
import pytest

from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.writers.conversion import (
    ConversionSettings,
    convert,
    weights_digest,
)
from tfrecords_builder.tokenization import BertTokenizer


def made_preset(checkpoint, tmp_path):
    return convert(ConversionSettings(str(checkpoint), str(tmp_path / "made"), "keras"))


def test_stock_classes_load_the_preset_with_the_reference_outputs(checkpoint, tmp_path, expected):
    made = made_preset(checkpoint, tmp_path)
    inputs, outputs = expected
    task = keras_nlp.models.BertMaskedLM.from_preset(made.target)
    backbone = keras_nlp.models.BertBackbone.from_preset(made.target)
    source = open_checkpoint(checkpoint).tensors
    for model in (backbone, task.backbone):
        assert type(model) is keras_nlp.models.BertBackbone
        encoded = model({name: inputs[name] for name in model.input})
        for name in ("sequence_output", "pooled_output"):
            np.testing.assert_allclose(encoded[name], outputs[name], atol=1e-5)
        query = model.transformer_layers[1]._self_attention_layer.query_dense.kernel
        np.testing.assert_array_equal(
            np.reshape(query, (48, 48)), source["bert/encoder/layer_1/attention/self/query/kernel"]
        )
    head = task.masked_lm_head
    np.testing.assert_array_equal(
        head._intermediate_dense.kernel, source["cls/predictions/transform/dense/kernel"]
    )
    np.testing.assert_array_equal(head._bias, source["cls/predictions/output_bias"])
    assert any("exact gelu" in remark for remark in made.remarks)


@pytest.mark.parametrize("cased", [True, False])
def test_stock_tokenizer_has_the_casing(cased, request, tmp_path):
    checkpoint = request.getfixturevalue("checkpoint" if cased else "uncased_checkpoint")
    made = made_preset(checkpoint, tmp_path)
    theirs = keras_nlp.models.BertTokenizer.from_preset(made.target)
    ours = BertTokenizer(str(checkpoint / "vocab.txt"), not cased)
    for text in ("The PATIENT denies chest pain, 2 mg.", "Na\u00efve caf\u00e9 r\u00e9sum\u00e9"):
        assert np.asarray(theirs(text)).tolist() == ours.encode(text)
    assert open_checkpoint(made.target).do_lower_case is not cased


def test_round_trip_keeps_every_weight_and_both_dropouts(checkpoint, configure, tmp_path):
    configure(attention_probs_dropout_prob=0.25, hidden_dropout_prob=0.5, initializer_range=0.01)
    made = made_preset(checkpoint, tmp_path)
    before, after = open_checkpoint(checkpoint), open_checkpoint(made.target)
    assert set(after.tensors) == set(before.tensors)
    assert weights_digest(after) == weights_digest(before) == made.weights_sha256
    assert after.config == before.config
    assert keras_nlp.models.BertBackbone.from_preset(made.target).dropout == 0.5


@pytest.mark.parametrize("activation", ["gelu_erf", "relu"])
def test_activation_that_the_stock_class_does_not_compute_is_an_error(
    checkpoint, configure, tmp_path, activation
):
    configure(hidden_act=activation)
    with pytest.raises(ValueError, match=rf"hidden_act gelu .*received {activation}.*onnx"):
        made_preset(checkpoint, tmp_path)
    assert not (tmp_path / "made").exists()


def test_encoder_alone_gives_a_preset_without_masked_lm(checkpoint, tmp_path):
    from clinicalbert_tf.checkpoints.writers.restored_model import restored_backbone
    from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint

    source = open_checkpoint(checkpoint)
    backbone = restored_backbone(source)
    for path in checkpoint.glob("model.ckpt*"):
        path.unlink()
    write_tf1_checkpoint(backbone, checkpoint / "bert_model.ckpt")
    made = made_preset(checkpoint, tmp_path)
    assert not (tmp_path / "made" / "task.json").exists() and made.remarks == ()
    after = open_checkpoint(made.target)
    assert len(after.tensors) == made.arrays == 55
    assert weights_digest(after) == made.weights_sha256
    keras_nlp.models.BertTokenizer.from_preset(made.target)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

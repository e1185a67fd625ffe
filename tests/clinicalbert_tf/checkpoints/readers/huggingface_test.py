"""Hugging Face folders in: names, layouts, configurations, refusals."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from clinicalbert_tf.checkpoints.readers.huggingface import read_huggingface_folder
from clinicalbert_tf.checkpoints.readers.huggingface_names import huggingface_name, to_huggingface
from clinicalbert_tf.checkpoints.source import (
    reference_shapes,
)
from clinicalbert_tf.checkpoints.vocabulary_check import check_vocabulary
from clinicalbert_tf.config import BertConfig
from tests.support import GOLDEN

VOCABULARY = GOLDEN / "tf1_checkpoint" / "vocab.txt"
CONFIG = BertConfig.from_json_file(GOLDEN / "tf1_checkpoint" / "bert_config.json")


@pytest.fixture(scope="module")
def arrays():
    """Every variable of the reference with numbers of its own."""
    rng = np.random.default_rng(7)
    return {n: rng.standard_normal(s, dtype="f4") for n, s in reference_shapes(CONFIG).items()}


def write_folder(folder, tensors, config=None, vocabulary=True):
    """A folder as transformers writes it, from a state_dict of NumPy arrays."""
    folder.mkdir(exist_ok=True)
    values = {"model_type": "bert", "layer_norm_eps": 1e-12, **CONFIG.to_dict(), **(config or {})}
    (folder / "config.json").write_text(json.dumps(values))
    tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if vocabulary:
        shutil.copy(VOCABULARY, folder / "vocab.txt")
    return folder


def assert_equal_tensors(found, expected):
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
        assert found[name].dtype == np.float32 and found.shapes[name] == expected[name].shape


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("bert/embeddings/word_embeddings", "bert.embeddings.word_embeddings.weight"),
        ("bert/embeddings/LayerNorm/gamma", "bert.embeddings.LayerNorm.weight"),
        (
            "bert/encoder/layer_11/attention/self/query/kernel",
            "bert.encoder.layer.11.attention.self.query.weight",
        ),
        (
            "bert/encoder/layer_0/attention/output/LayerNorm/beta",
            "bert.encoder.layer.0.attention.output.LayerNorm.bias",
        ),
        ("bert/encoder/layer_1/output/dense/bias", "bert.encoder.layer.1.output.dense.bias"),
        ("bert/pooler/dense/kernel", "bert.pooler.dense.weight"),
        ("cls/predictions/transform/dense/kernel", "cls.predictions.transform.dense.weight"),
        ("cls/predictions/output_bias", "cls.predictions.bias"),
        ("cls/seq_relationship/output_weights", "cls.seq_relationship.weight"),
        ("output_bias", "classifier.bias"),
    ],
)
def test_names_are_those_of_bert_for_pretraining(ours, theirs):
    assert huggingface_name(ours) == theirs


def test_dense_kernels_alone_are_transposed(arrays):
    theirs = to_huggingface(arrays)
    kernel = arrays["bert/encoder/layer_0/intermediate/dense/kernel"]
    found = theirs["bert.encoder.layer.0.intermediate.dense.weight"]
    np.testing.assert_array_equal(found, kernel.T)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(
        theirs["cls.seq_relationship.weight"], arrays["cls/seq_relationship/output_weights"]
    )


@pytest.mark.parametrize("prefix", ["bert.", "", "module.bert.", "0.auto_model."])
def test_every_prefix_is_understood(tmp_path, arrays, prefix):
    root = prefix.removesuffix("bert.")
    theirs = {
        (prefix + name.removeprefix("bert.") if name.startswith("bert.") else root + name): array
        for name, array in to_huggingface(arrays).items()
    }
    found = read_huggingface_folder(write_folder(tmp_path / "m", theirs))
    assert_equal_tensors(found.tensors, arrays)


def test_old_layer_norm_names_and_buffers_are_understood(tmp_path, arrays):
    theirs = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): array
        for name, array in to_huggingface(arrays).items()
    }
    theirs["bert.embeddings.position_ids"] = np.arange(128)[None]
    theirs["dropout.seen"] = np.zeros(1, "f4")
    found = read_huggingface_folder(write_folder(tmp_path / "m", theirs))
    assert_equal_tensors(found.tensors, arrays)
    assert found.ignored == ("bert.embeddings.position_ids", "dropout.seen")


def test_a_tied_decoder_is_compared_with_the_embeddings(tmp_path, arrays):
    theirs = to_huggingface(arrays)
    bias = theirs.pop("cls.predictions.bias")
    words = theirs["bert.embeddings.word_embeddings.weight"]
    theirs |= {"cls.predictions.decoder.weight": words, "cls.predictions.decoder.bias": bias}
    found = read_huggingface_folder(write_folder(tmp_path / "m", theirs))
    assert_equal_tensors(found.tensors, arrays)
    theirs["cls.predictions.decoder.weight"] = words + 1e-6
    with pytest.raises(ValueError, match=r"decoder\.weight equal to .*tie its weights"):
        read_huggingface_folder(write_folder(tmp_path / "m", theirs))


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ("bert.encoder.layer.3.output.dense.weight", r"encoder\.layer\.3\.output"),
        ("bert.encoder.layer.0.attention.self.distance_embedding.weight", "distance_embedding"),
        ("other.embeddings.word_embeddings.weight", "received 2 tensors"),
        ("bert.embeddings.LayerNorm.gamma", "expected each tensor once"),
    ],
)
def test_what_bert_does_not_have_is_refused(tmp_path, arrays, extra, named):
    theirs = {**to_huggingface(arrays), extra: np.zeros((48, 48), "f4")}
    with pytest.raises(ValueError, match=named):
        read_huggingface_folder(write_folder(tmp_path / "m", theirs))


def test_another_model_without_bert_names_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one BERT encoder, received 0 tensors"):
        read_huggingface_folder(write_folder(tmp_path / "m", {"wte.weight": np.zeros(2, "f4")}))


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"model_type": "roberta"}, "model_type 'bert', received 'roberta'"),
        ({"model_type": None, "architectures": ["GPT2Model"]}, "GPT2Model"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"is_decoder": True}, "is_decoder False, received True"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ({"hidden_act": "silu"}, "hidden_act to be one of .*received 'silu'"),
        ({"num_attention_heads": 5}, "multiple of num_attention_heads"),
    ],
)
def test_configurations_beyond_bert_are_refused(tmp_path, arrays, config, named):
    folder = write_folder(tmp_path / "m", to_huggingface(arrays), config)
    with pytest.raises(ValueError, match=named):
        read_huggingface_folder(folder)


def test_keys_that_transformers_leaves_out_are_bert_base(tmp_path, arrays):
    folder = write_folder(tmp_path / "m", to_huggingface(arrays))
    (folder / "config.json").write_text('{"model_type": "bert"}')
    config = read_huggingface_folder(folder).config
    assert (config.vocab_size, config.hidden_size, config.type_vocab_size) == (30522, 768, 2)
    assert config.hidden_act == "gelu_erf"


@pytest.mark.parametrize("dtype", ["f2", "bfloat16"])
def test_half_precision_becomes_float32_exactly(tmp_path, arrays, dtype):
    import ml_dtypes

    halved = {n: a.astype(getattr(ml_dtypes, dtype, dtype)) for n, a in arrays.items()}
    folder = write_folder(tmp_path / "m", to_huggingface(halved))
    found = read_huggingface_folder(folder)
    assert_equal_tensors(found.tensors, {n: a.astype("f4") for n, a in halved.items()})


def test_quantized_weights_are_refused(tmp_path, arrays):
    theirs = to_huggingface(arrays)
    theirs["bert.pooler.dense.weight"] = theirs["bert.pooler.dense.weight"].astype("i1")
    found = read_huggingface_folder(write_folder(tmp_path / "m", theirs))
    with pytest.raises(ValueError, match=r"bert\.pooler\.dense\.weight: expected floating point"):
        found.tensors["bert/pooler/dense/kernel"]


def write_shards(folder, arrays):
    """Two files and an index; returns the index's values."""
    theirs = to_huggingface(arrays)
    write_folder(folder, theirs)
    (folder / "model.safetensors").unlink()
    names, places = sorted(theirs), {}
    for number, part in enumerate((names[:20], names[20:]), start=1):
        shard = f"model-0000{number}-of-00002.safetensors"
        save_file({name: theirs[name] for name in part}, folder / shard)
        places |= dict.fromkeys(part, shard)
    return {"metadata": {}, "weight_map": places}


def test_weights_in_several_files_are_read_by_their_index(tmp_path, arrays):
    index = write_shards(tmp_path / "m", arrays)
    (tmp_path / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert_equal_tensors(read_huggingface_folder(tmp_path / "m").tensors, arrays)


@pytest.mark.parametrize(
    ("place", "error", "named"),
    [
        ("../outside.safetensors", ValueError, "files of its own folder, received '../outside"),
        ("model-00003.safetensors", FileNotFoundError, "Expected model-00003.safetensors in"),
        ("model-00001-of-00002.safetensors", ValueError, "received 1 fewer: cls.seq_rel"),
    ],
)
def test_an_index_that_does_not_fit_its_files_is_an_error(tmp_path, arrays, place, error, named):
    index = write_shards(tmp_path / "m", arrays)
    index["weight_map"]["cls.seq_relationship.weight"] = place
    (tmp_path / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(error, match=named):
        read_huggingface_folder(tmp_path / "m")


@pytest.mark.parametrize("keep", [0, 7, 300, 100_000])
def test_damaged_safetensors_are_an_error(tmp_path, arrays, keep):
    path = write_folder(tmp_path / "m", to_huggingface(arrays)) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"model\.safetensors: expected a whole.*Download it"):
        read_huggingface_folder(tmp_path / "m")


def test_missing_files_are_named(tmp_path, arrays):
    folder = write_folder(tmp_path / "m", to_huggingface(arrays), vocabulary=False)
    source = read_huggingface_folder(folder)
    assert source.vocab_file is None
    with pytest.raises(FileNotFoundError, match=r"vocab\.txt"):
        check_vocabulary(source)
    (folder / "model.safetensors").rename(folder / "tf_model.h5")
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors or .*found tf_model\.h5"):
        read_huggingface_folder(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: expected JSON"):
        read_huggingface_folder(folder)
    (folder / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"Expected a config\.json"):
        read_huggingface_folder(folder)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

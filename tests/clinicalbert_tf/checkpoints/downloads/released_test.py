"""The list of released models, and which of them a checkpoint may be."""

import dataclasses
import json
import pathlib

import pytest

from clinicalbert_tf.checkpoints.downloads import released
from clinicalbert_tf.checkpoints.downloads.released import identify, load_release
from clinicalbert_tf.checkpoints.source import (
    CheckpointSource,
    LazyTensor,
    LazyTensors,
    check_tensors,
    reference_shapes,
)
from tests.support import ROOT

RELEASE = load_release()


def never():
    raise AssertionError("a weight was read")


def source_at(path, shapes=None, **changes):
    tensors = {n: LazyTensor(s, never) for n, s in (shapes or RELEASE.shapes).items()}
    source = CheckpointSource("tf1", path, RELEASE.config, LazyTensors(tensors))
    return dataclasses.replace(source, **changes)


def names(identification):
    return [model.name for model in identification.candidates]


def test_the_four_models_are_listed():
    assert {(m.name, m.steps, m.casing) for m in RELEASE.models} == {
        ("bert_pretrain_output_all_notes_150000", 150000, "cased"),
        ("bert_pretrain_output_disch_100000", 100000, "cased"),
        ("biobert_pretrain_output_all_notes_150000", 150000, "cased"),
        ("biobert_pretrain_output_disch_100000", 100000, "cased"),
    }
    for model in RELEASE.models:
        assert model.name.endswith(str(model.steps))
        assert model.base.startswith("BioBERT" if "bio" in model.name else "BERT-base cased")
        assert ("discharge" in model.corpus) == ("disch" in model.name)
    assert "W19-1909" in RELEASE.published["paper"]


def test_the_variables_are_those_of_bert_base_cased():
    assert RELEASE.config.vocab_size == 28996
    assert RELEASE.shapes == reference_shapes(RELEASE.config)
    assert len(RELEASE.shapes) == 206
    assert RELEASE.shapes["bert/encoder/layer_11/intermediate/dense/kernel"] == (768, 3072)


def test_the_package_and_the_checkpoints_folder_have_one_list():
    in_repository = json.loads((ROOT / "checkpoints" / released.FILE).read_text(encoding="utf-8"))
    in_package = pathlib.Path(released.__file__).with_name(released.FILE)
    assert json.loads(in_package.read_text(encoding="utf-8")) == in_repository


@pytest.mark.parametrize("model", RELEASE.models, ids=lambda model: model.name)
@pytest.mark.parametrize("folder", ["{}", "{}-0123456789abcdef/content"])
def test_a_model_is_known_by_its_folder(model, folder):
    found = identify(source_at(f"/x/{folder.format(model.name)}/model.ckpt-{model.steps}"))
    assert names(found) == [model.name] and found.by_name
    assert model.paper_name in str(found)


def test_without_the_folders_name_the_steps_leave_two():
    found = identify(source_at("/x/y/model.ckpt-100000"))
    assert names(found) == [m.name for m in RELEASE.models if m.steps == 100000]
    assert not found.by_name and "do not tell" in str(found)


def test_bert_and_biobert_themselves_have_the_same_shapes():
    assert len(names(identify(source_at("/x/biobert_model.ckpt")))) == 4
    assert len(names(identify(source_at("/x/folder", kind="keras_preset")))) == 4


def test_another_number_of_steps_is_another_model():
    found = identify(source_at("/x/model.ckpt-5000"))
    assert names(found) == [] and "received 5000" in str(found)


def test_differences_are_told():
    shapes = dict(RELEASE.shapes)
    del shapes["cls/predictions/output_bias"]
    shapes["bert/embeddings/word_embeddings"] = (30522, 768)
    config = dataclasses.replace(RELEASE.config, hidden_act="gelu_erf")
    name = "bert_pretrain_output_all_notes_150000"
    found = identify(source_at(f"/x/{name}/model.ckpt-150000", shapes, config=config))
    assert names(found) == []
    for part in ("is [30522, 768], theirs [28996, 768]", "1 of 206 variables missing", "gelu_erf"):
        assert part in str(found)


def test_missing_and_misshaped_variables_are_all_listed():
    shapes = dict(RELEASE.shapes)
    for name in ("bert/encoder/layer_3/output/dense/bias", "bert/embeddings/LayerNorm/beta"):
        del shapes[name]
    shapes["bert/pooler/dense/bias"] = (7,)
    shapes["bert/encoder/layer_12/output/dense/bias"] = (768,)
    with pytest.raises(ValueError, match="received 4 that do not fit") as error:
        check_tensors(source_at("/x", shapes))
    for line in (
        "missing: bert/encoder/layer_3/output/dense/bias",
        "missing: bert/embeddings/LayerNorm/beta",
        "bert/pooler/dense/bias: expected [768], received [7]",
        "not in the configuration: bert/encoder/layer_12/output/dense/bias",
    ):
        assert line in str(error.value)


def test_missing_heads_and_a_classifiers_head_are_reported():
    shapes = {n: s for n, s in RELEASE.shapes.items() if not n.startswith("cls/seq")}
    report = check_tensors(source_at("/x", {**shapes, "output_weights": (3, 768)}))
    assert report.present == ("embeddings", "encoder", "pooler", "masked LM head")
    assert len(report.missing) == 2 and report.other == ("output_weights",)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

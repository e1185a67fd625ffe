import dataclasses
import json
import shutil
import tarfile

import keras_nlp
import numpy as np
import pytest
import tensorflow as tf

import clinicalbert_tf
from tests.support import GOLDEN

CHECKPOINT = GOLDEN / "tf1_checkpoint"
STEM = "model.ckpt-150000"


@pytest.fixture
def released(tmp_path):
    """A folder as it was released: no `checkpoint` file."""
    folder = tmp_path / "biobert_pretrain_output_all_notes_150000"
    shutil.copytree(CHECKPOINT, folder)
    (folder / "checkpoint").unlink()
    return folder


@pytest.mark.parametrize("given", ["", STEM, f"{STEM}.index"])
def test_directory_prefix_and_index_give_a_usable_model(released, given, capsys):
    bert = clinicalbert_tf.from_pretrained(released / given)
    assert bert.config.to_dict() == json.loads((CHECKPOINT / "bert_config.json").read_text())
    assert isinstance(bert.backbone, keras_nlp.models.BertBackbone)
    assert bert.backbone is bert.pretraining_model.backbone
    assert bert.tokenizer.do_lower_case is False
    assert bert.tokenizer.vocab_size == 1200
    assert len(bert.report.restored) == 62
    assert "restored 62, initialised 0, skipped 125 variables" in str(bert.report)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""

    tokenizer = bert.tokenizer
    ids = [tokenizer.cls_id, *tokenizer.encode("The patient denies pain."), tokenizer.sep_id]
    ids[3] = tokenizer.mask_id
    batch = {
        "token_ids": np.array([ids], np.int32),
        "segment_ids": np.zeros((1, len(ids)), np.int32),
        "padding_mask": np.ones((1, len(ids)), np.int32),
        "mask_positions": np.array([[3]], np.int32),
    }
    outputs = bert.pretraining_model(batch)
    assert tuple(outputs["mlm_logits"].shape) == (1, 1, 1200)
    assert tuple(outputs["nsp_logits"].shape) == (1, 2)
    assert np.isfinite(outputs["mlm_logits"]).all()


def test_result_cannot_be_changed(released):
    bert = clinicalbert_tf.from_pretrained(released)
    with pytest.raises(dataclasses.FrozenInstanceError):
        bert.config = None


def test_model_is_chosen_by_name_and_a_wrong_name_lists_the_right_ones(released):
    bert = clinicalbert_tf.from_pretrained(released.parent, model=released.name)
    assert bert.report.source == str(released / STEM)
    assert clinicalbert_tf.from_pretrained(released, model=STEM).report == bert.report
    with pytest.raises(ValueError, match=f"no_such_model.*{released.name}"):
        clinicalbert_tf.from_pretrained(released.parent, model="no_such_model")


@pytest.mark.parametrize("name", ["bert_config.json", "vocab.txt"])
def test_missing_neighbour_is_an_error_that_says_what_to_add(released, name):
    (released / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}.*released with"):
        clinicalbert_tf.from_pretrained(released)


def test_vocabulary_of_another_size_is_an_error_with_both_numbers(released):
    shutil.copy(GOLDEN / "vocab" / "downstream_cased.txt", released / "vocab.txt")
    rows = len((released / "vocab.txt").read_text(encoding="utf-8").splitlines())
    assert rows != 1200
    with pytest.raises(ValueError, match=rf"{rows} rows.*has 1200"):
        clinicalbert_tf.from_pretrained(released)


def test_casing_that_conflicts_with_the_vocabulary_is_used_with_a_warning(released, caplog):
    bert = clinicalbert_tf.from_pretrained(released, do_lower_case=True)
    assert "shows do_lower_case=False, but do_lower_case=True was given" in caplog.text
    assert bert.tokenizer.tokenize("The")[0].startswith("t")
    bert = clinicalbert_tf.from_pretrained(released, do_lower_case=False)
    assert bert.tokenizer.tokenize("The")[0].startswith("T")


def test_uncased_vocabulary_lower_cases(released):
    tokens = (GOLDEN / "vocab" / "uncased.txt").read_text(encoding="utf-8").splitlines()
    tokens = (tokens + [f"[unused{index}]" for index in range(1200)])[:1200]
    (released / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    bert = clinicalbert_tf.from_pretrained(released)
    assert bert.tokenizer.do_lower_case is True
    assert bert.tokenizer.tokenize("PATIENT") == bert.tokenizer.tokenize("patient")


def test_vocabulary_that_shows_no_casing_needs_the_flag(released):
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = specials + [str(number) for number in range(1200 - len(specials))]
    (released / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="Say do_lower_case"):
        clinicalbert_tf.from_pretrained(released)
    bert = clinicalbert_tf.from_pretrained(released, do_lower_case=True)
    assert bert.tokenizer.do_lower_case is True


def test_configuration_of_another_model_is_an_error_that_lists_the_differences(released):
    path = released / "bert_config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**values, "num_hidden_layers": 2}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"(?s)received 16 .*: bert/encoder/layer_2"):
        clinicalbert_tf.from_pretrained(released)


def test_dtype_policy_reaches_the_model(released):
    bert = clinicalbert_tf.from_pretrained(released, dtype="mixed_bfloat16")
    layer = bert.backbone.transformer_layers[0]
    assert layer.intermediate_dense.compute_dtype == "bfloat16"


def test_required_part_that_is_missing_is_an_error_and_otherwise_starts_fresh(released, caplog):
    reader = tf.train.load_checkpoint(str(released / STEM))
    kept = {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if name.startswith("bert/") and not name.endswith(("adam_m", "adam_v"))
    }
    for path in released.glob(f"{STEM}*"):
        path.unlink()
    tf.raw_ops.SaveV2(
        prefix=str(released / STEM),
        tensor_names=list(kept),
        shape_and_slices=[""] * len(kept),
        tensors=list(kept.values()),
    )
    with pytest.raises(ValueError, match="without masked LM head"):
        clinicalbert_tf.from_pretrained(released, require=("masked LM head",))
    bert = clinicalbert_tf.from_pretrained(released)
    assert len(bert.report.initialised) == 7
    assert "initialised: cls/predictions/transform" in caplog.text


def test_archive_of_archives_gives_the_named_model(released, tmp_path):
    inner = tmp_path / f"{released.name}.tar.gz"
    with tarfile.open(inner, "w:gz") as archive:
        archive.add(released, released.name)
    outer = tmp_path / "pretrained_bert_tf.tar.gz"
    with tarfile.open(outer, "w:gz") as archive:
        archive.add(inner, f"pretrained_bert_tf/{inner.name}")
    bert = clinicalbert_tf.from_pretrained(outer, released.name, cache_dir=tmp_path / "cache")
    expected = clinicalbert_tf.from_pretrained(released)
    pairs = zip(bert.backbone.weights, expected.backbone.weights, strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

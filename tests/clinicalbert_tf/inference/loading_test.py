import dataclasses
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from clinicalbert_tf.inference.loading import (
    ModelSource,
    default_checkpoint,
    load_model,
    model_digest,
)
from tests import support
from tfrecords_builder.tokenization import AddedToken, BertTokenizer

TF1 = support.GOLDEN / "tf1_checkpoint"


@pytest.fixture
def apart(tmp_path):
    """A checkpoint whose configuration and vocabulary stand elsewhere."""
    weights = tmp_path / "weights"
    weights.mkdir()
    for path in TF1.glob("model.ckpt-*"):
        shutil.copy(path, weights)
    return ModelSource(
        str(weights / "model.ckpt-150000"),
        bert_config_file=str(TF1 / "bert_config.json"),
        vocab_file=str(TF1 / "vocab.txt"),
    )


def replaced(source, **values):
    return ModelSource(**{**vars(source), **values})


def test_files_that_are_not_beside_the_checkpoint_give_the_same_model(apart, bert):
    loaded = load_model(apart)
    assert loaded.config == bert.config
    assert loaded.tokenizer.inverse_vocab == bert.tokenizer.inverse_vocab
    for one, other in zip(loaded.backbone.weights, bert.backbone.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert model_digest(loaded) == model_digest(bert)
    loaded.backbone.weights[0].assign_add(np.full(loaded.backbone.weights[0].shape, 1e-3))
    assert model_digest(loaded) != model_digest(bert)


def test_added_tokens_make_another_model(bert):
    token = AddedToken(bert.tokenizer.inverse_vocab[-1], bert.tokenizer.vocab_size - 1)
    tokenizer = BertTokenizer(bert.tokenizer.vocab_file, bert.tokenizer.do_lower_case, [token])
    other = dataclasses.replace(bert, tokenizer=tokenizer)
    assert model_digest(other) != model_digest(bert)


def shorter_vocabulary(source, folder, count):
    rows = pathlib.Path(source.vocab_file).read_text(encoding="utf-8").splitlines()
    (folder / "shorter.txt").write_text("\n".join(rows[:count]), encoding="utf-8")
    return str(folder / "shorter.txt")


def test_rows_of_a_rounded_up_embedding_are_no_words(apart, tmp_path):
    from clinicalbert_tf.inference.masked_words import MaskFiller

    vocab_file = shorter_vocabulary(apart, tmp_path, 1195)
    bert = load_model(replaced(apart, vocab_file=vocab_file), require_masked_lm=True)
    (candidates,) = MaskFiller(bert).fill("[MASK]", 1195)
    assert {candidate.token for candidate in candidates} == set(bert.tokenizer.vocab)


def test_a_wrong_casing_warns_and_a_wrong_vocabulary_is_refused(apart, tmp_path, caplog):
    assert load_model(replaced(apart, do_lower_case=True)).tokenizer.do_lower_case is True
    assert "do_lower_case=True was given" in caplog.text
    with pytest.raises(ValueError, match=r"shorter\.txt has 1000 rows"):
        load_model(replaced(apart, vocab_file=shorter_vocabulary(apart, tmp_path, 1000)))
    with pytest.raises(FileNotFoundError, match=r"none\.txt.*--vocab_file"):
        load_model(replaced(apart, vocab_file=str(tmp_path / "none.txt")))


def test_a_model_without_the_masked_language_models_head_is_refused_where_it_is_needed(
    bert, tmp_path
):
    import tensorflow as tf

    names = [name for name, _ in json.loads((TF1 / "variables.json").read_text())]
    names = [name for name in names if name.startswith("bert/") and "adam" not in name]
    reader = tf.train.load_checkpoint(str(TF1 / "model.ckpt-150000"))
    tensors = [reader.get_tensor(name) for name in names]
    prefix = str(tmp_path / "encoder.ckpt")
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
    )
    for name in ("bert_config.json", "vocab.txt"):
        shutil.copy(TF1 / name, tmp_path)
    assert model_digest(load_model(ModelSource(prefix))) == model_digest(bert)
    with pytest.raises(ValueError, match="without masked LM head"):
        load_model(ModelSource(prefix), require_masked_lm=True)


def test_the_newest_run_with_a_checkpoint_is_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"clinicalbert_tf\.pretrain --strategy mirrored"):
        default_checkpoint()
    for age, name in enumerate(("pretrain-c", "pretrain-a", "pretrain-b", "other")):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        if name != "pretrain-c":
            (folder / "model.ckpt-20.index").write_bytes(b"")
        os.utime(folder, (0, 1000 - age))
    assert default_checkpoint() == os.path.join("runs", "pretrain-a")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

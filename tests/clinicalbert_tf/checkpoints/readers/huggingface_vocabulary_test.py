"""Vocabulary and casing of Hugging Face folders."""

import json
import os
import pathlib
import shutil

import pytest

from clinicalbert_tf.checkpoints.readers.huggingface_vocabulary import find_vocabulary
from tests.support import GOLDEN

VOCABULARY = GOLDEN / "tf1_checkpoint" / "vocab.txt"


def tokenizer_file(tokens, **changes):
    model = {"type": "WordPiece", "continuing_subword_prefix": "##"}
    model["vocab"] = {token: row for row, token in enumerate(tokens)}
    normalizer = {"type": "BertNormalizer", "lowercase": False, "strip_accents": None}
    return {"model": model, "normalizer": normalizer, "added_tokens": [], **changes}


def test_the_vocabulary_of_a_tokenizer_file_is_written_in_id_order(tmp_path):
    tokens = VOCABULARY.read_text(encoding="utf-8").splitlines()
    values = tokenizer_file(tokens)
    shuffled = sorted(values["model"]["vocab"].items(), reverse=True)[1:]
    dropped = sorted(values["model"]["vocab"].items(), reverse=True)[0]
    values["model"]["vocab"] = dict(shuffled)
    values["added_tokens"] = [{"content": dropped[0], "id": dropped[1]}]
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    found = find_vocabulary(str(tmp_path), tmp_path / "cache")
    assert pathlib.Path(found.vocab_file).read_text(encoding="utf-8").splitlines() == tokens
    assert tmp_path / "cache" in pathlib.Path(found.vocab_file).parents
    assert os.stat(found.vocab_file).st_mode & 0o777 == 0o600
    assert found.do_lower_case is False
    again = find_vocabulary(str(tmp_path), tmp_path / "cache")
    assert again.vocab_file == found.vocab_file


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": {"type": "BPE", "vocab": {"a": 0}}}, "received BPE"),
        ({"model": {"type": "WordPiece", "continuing_subword_prefix": "_", "vocab": {}}}, "'_'"),
        ({"added_tokens": [{"content": "[X]", "id": 9}]}, "4 tokens with the ids 0 to 3"),
        ({"added_tokens": [{"content": "a\nb", "id": 3}]}, "line break"),
    ],
)
def test_other_tokenizers_are_refused(tmp_path, changes, named):
    values = tokenizer_file(["[PAD]", "a", "##b"], **changes)
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=named):
        find_vocabulary(str(tmp_path), tmp_path / "cache")


@pytest.mark.parametrize(
    ("settings", "normalizer", "casing"),
    [
        ({"do_lower_case": True}, {"type": "BertNormalizer", "lowercase": False}, True),
        ({}, {"type": "BertNormalizer", "lowercase": True}, True),
        ({}, {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}, True),
        ({}, None, None),
    ],
)
def test_the_casing_is_what_the_files_say(tmp_path, settings, normalizer, casing):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    values = tokenizer_file(["[PAD]"], normalizer=normalizer)
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    shutil.copy(VOCABULARY, tmp_path)
    found = find_vocabulary(str(tmp_path))
    assert found.do_lower_case is casing and found.vocab_file == str(tmp_path / "vocab.txt")


def test_tokenization_that_differs_from_the_reference_is_remarked(tmp_path):
    settings = {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}
    settings["do_basic_tokenize"] = False
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    remarks = find_vocabulary(str(tmp_path)).remarks
    assert len(remarks) == 3
    for word, remark in zip(("strip_accents True", "Chinese", "white space"), remarks, strict=True):
        assert word in remark


def test_a_folder_without_any_tokenizer_file_says_nothing(tmp_path):
    found = find_vocabulary(str(tmp_path))
    assert (found.vocab_file, found.do_lower_case, found.remarks) == (None, None, ())


def test_a_damaged_tokenizer_file_is_an_error(tmp_path):
    (tmp_path / "tokenizer.json").write_text("[1")
    with pytest.raises(ValueError, match=r"tokenizer\.json: expected JSON.*Download"):
        find_vocabulary(str(tmp_path))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Vocabulary and casing against weights, files and flags."""

import dataclasses

import pytest

from clinicalbert_tf.checkpoints.source import CheckpointSource, LazyTensors
from clinicalbert_tf.checkpoints.vocabulary_check import (
    check_vocabulary,
    resolve_casing,
    settle_casing,
)
from clinicalbert_tf.config import BertConfig
from tests import support

VOCAB = support.GOLDEN / "vocab"
CASED, UNCASED = str(VOCAB / "cased.txt"), str(VOCAB / "uncased.txt")
ROWS = len((VOCAB / "cased.txt").read_text(encoding="utf-8").splitlines())


def source(vocab_file=CASED, do_lower_case=None, vocab_size=ROWS):
    config = BertConfig(vocab_size=vocab_size)
    return CheckpointSource("tf1", "m", config, LazyTensors({}), vocab_file, do_lower_case)


@pytest.fixture
def short_vocabulary(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    return str(path)


@pytest.mark.parametrize(
    ("vocab_file", "says", "flag", "casing"),
    [
        (CASED, None, None, False),
        (UNCASED, None, None, True),
        (CASED, False, None, False),
        (CASED, False, False, False),
        (UNCASED, True, True, True),
        # Files and vocabulary disagree: the flag says which.
        (CASED, True, True, True),
        (CASED, True, False, False),
    ],
)
def test_casing_is_what_files_and_vocabulary_agree_on(vocab_file, says, flag, casing):
    assert resolve_casing(source(vocab_file, says), flag) is casing


@pytest.mark.parametrize(
    ("vocab_file", "says", "flag"),
    [(CASED, None, True), (UNCASED, None, False), (CASED, False, True)],
)
def test_a_flag_against_the_model_wins_with_a_remark(vocab_file, says, flag):
    settled = settle_casing(source(vocab_file, says), flag)
    assert settled.do_lower_case is flag
    (remark,) = settled.remarks
    assert f"its vocabulary shows do_lower_case={not flag}" in remark
    assert f"but do_lower_case={flag} was given" in remark
    # Once settled, it is neither asked nor said again.
    assert settle_casing(settled).remarks == (remark,)
    assert resolve_casing(settled) is flag


def test_files_against_the_vocabulary_without_a_flag_are_an_error():
    with pytest.raises(ValueError, match="expected one casing, received two: its own files say"):
        resolve_casing(source(CASED, True))


def test_a_vocabulary_that_shows_nothing_needs_a_word(short_vocabulary):
    with pytest.raises(ValueError, match="too few words to tell"):
        resolve_casing(source(short_vocabulary))
    assert resolve_casing(source(short_vocabulary, True)) is True
    assert resolve_casing(source(short_vocabulary), False) is False


def test_rows_must_be_those_of_the_embedding(short_vocabulary):
    assert check_vocabulary(source()) == 0
    for wrong in (ROWS - 1, ROWS + 1, ROWS + 1000):
        with pytest.raises(ValueError, match=f"has {ROWS} rows, but the token .* has {wrong}"):
            check_vocabulary(source(vocab_size=wrong))
    with pytest.raises(ValueError, match="has 6 rows"):
        check_vocabulary(source(short_vocabulary))


def test_an_embedding_rounded_up_for_speed_is_accepted(short_vocabulary):
    assert check_vocabulary(source(short_vocabulary, vocab_size=64)) == 58
    with pytest.raises(ValueError, match="has 6 rows"):
        check_vocabulary(source(short_vocabulary, vocab_size=63))


@pytest.mark.parametrize("check", [check_vocabulary, resolve_casing])
def test_no_vocabulary_is_an_error(check):
    with pytest.raises(FileNotFoundError, match=r"Copy the vocab\.txt that was released"):
        check(dataclasses.replace(source(), vocab_file=None))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

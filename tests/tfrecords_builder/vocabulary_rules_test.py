"""Rows, casing and fit of vocabularies: one rule for builder and trainer."""

import pytest

from tests import support
from tfrecords_builder.tokenization import SPECIAL_TOKENS, load_vocabulary
from tfrecords_builder.vocabulary_rules import (
    check_rows,
    choose_casing,
    number_of_rows,
    spare_rows,
    vocabulary_is_cased,
)

VOCAB = support.GOLDEN / "vocab"
ALPHABET = [*"abcdefghijklmnopqrstuvwxyz"]
WORDS = [a + b for a in ALPHABET for b in ALPHABET]


def write(path, rows):
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["The", *"abc"], True),
        ([*ALPHABET, "[unused1]", "##Up", "12", "."], False),
        ([*"abc", "[unused1]"], None),
        (["1", "2", "##x"], None),
        # Placeholders are no words: Google's Chinese vocabulary, rows that relation tasks add.
        ([*ALPHABET, "<S>", "<T>", "@GENE$", "[CHEMICAL]", "__NAME__"], False),
        # One row that somebody added makes 676 lower-case words no cased vocabulary ...
        ([*WORDS, "COVID"], False),
        # ... but 20 are neither: 3%.
        ([*WORDS, *[word.upper() for word in WORDS[:20]]], None),
        ([*WORDS, *[word.upper() for word in WORDS[:60]]], True),
        # Chinese characters have no case.
        (["胸", "闷", "ct", "mr", "pt", "the", "a"], False),
    ],
)
def test_casing_is_told_by_all_words_together(words, expected):
    rows = [*SPECIAL_TOKENS, *words]
    assert vocabulary_is_cased({token: i for i, token in enumerate(rows)}) is expected


def test_casing_of_the_golden_vocabularies():
    for name in ("cased", "uncased"):
        vocab = load_vocabulary(str(VOCAB / f"{name}.txt"))
        assert vocabulary_is_cased(vocab) is (name == "cased")


@pytest.mark.parametrize("name", ["cased", "uncased"])
def test_a_given_casing_wins_with_a_warning_if_it_contradicts(name):
    path = str(VOCAB / f"{name}.txt")
    own = name == "uncased"
    assert choose_casing(path).do_lower_case is own
    assert choose_casing(path, own).warning is None
    against = choose_casing(path, not own)
    assert against.do_lower_case is not own
    assert f"shows do_lower_case={own}, but do_lower_case={not own} was given" in against.warning


def test_a_doubtful_vocabulary_asks_for_the_flag(tmp_path):
    shouted = [word.upper() for word in WORDS[:20]]
    path = write(tmp_path / "vocab.txt", [*SPECIAL_TOKENS, *WORDS, *shouted])
    with pytest.raises(ValueError, match=r"20 words with upper-case .* among 696.*Say do_lower"):
        choose_casing(path)
    assert choose_casing(path, True) == choose_casing(path, said=True)
    few = write(tmp_path / "few.txt", [*SPECIAL_TOKENS, "a"])
    with pytest.raises(ValueError, match=r"too few words to tell \(1\)"):
        choose_casing(few)


def test_files_against_the_vocabulary_ask_for_the_flag():
    path = str(VOCAB / "cased.txt")
    with pytest.raises(ValueError, match="received two: its own files say do_lower_case=True"):
        choose_casing(path, said=True)
    assert choose_casing(path, True, said=True).warning is not None


def test_a_blank_line_is_a_row_without_a_wordpiece(tmp_path):
    path = write(tmp_path / "vocab.txt", [*SPECIAL_TOKENS, "", "a", ""])
    vocab = load_vocabulary(path)
    assert (len(vocab), number_of_rows(vocab)) == (6, 7)
    assert check_rows(path, 7, "m") == 0


@pytest.mark.parametrize(
    ("rows", "vocab_size", "expected"),
    [(7, 7, 0), (7, 8, 1), (6, 64, 58), (6, 63, None), (8, 7, None), (8, 136, None), (8, 128, 120)],
)
def test_only_an_embedding_that_was_rounded_up_may_have_more_rows(rows, vocab_size, expected):
    assert spare_rows(rows, vocab_size) == expected


def test_a_vocabulary_of_another_model_is_an_error_with_both_numbers(tmp_path):
    path = write(tmp_path / "vocab.txt", [*SPECIAL_TOKENS, "a"])
    with pytest.raises(ValueError, match="has 6 rows, but the token embedding of model has 30"):
        check_rows(path, 30, "model")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

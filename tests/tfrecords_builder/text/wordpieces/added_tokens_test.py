"""Tokens that are found in the text before it is split into words."""

import pickle

import pytest

from tfrecords_builder.tokenization import SPECIAL_TOKENS, AddedToken, BertTokenizer

ROWS = [*SPECIAL_TOKENS, *"abcdefghijklmnopqrstuvwxyz[]", "pain", "##s", "Covid19", "[DOSE]"]
COVID, DOSE = ROWS.index("Covid19"), ROWS.index("[DOSE]")


@pytest.fixture
def vocab_file(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("".join(f"{row}\n" for row in ROWS), encoding="utf-8")
    return str(path)


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer.encode(text))


def test_a_token_that_stands_as_it_is_is_found_anywhere(vocab_file):
    tokenizer = BertTokenizer(vocab_file, True, [AddedToken("[DOSE]", DOSE)])
    assert pieces(tokenizer, "pain[DOSE]pains [dose]") == [
        *("pain", "[DOSE]", "pain", "##s"),
        *("[", "[UNK]", "]"),
    ]
    # Without it, its row is never met.
    assert DOSE not in BertTokenizer(vocab_file, True).encode("pain[DOSE]")


def test_a_normalized_token_is_found_in_normalized_text(vocab_file):
    tokenizer = BertTokenizer(vocab_file, True, [AddedToken("Covid19", COVID, normalized=True)])
    text = "xcovid19 COVID19 Cóvid19"
    assert pieces(tokenizer, text) == ["x", "Covid19", "Covid19", "Covid19"]
    assert tokenizer.tokenize(text) == ["x", "covid19", "covid19", "covid19"]
    assert tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) == tokenizer.encode(text)
    cased = BertTokenizer(vocab_file, False, [AddedToken("Covid19", COVID, normalized=True)])
    assert COVID in cased.encode("Covid19") and COVID not in cased.encode("covid19")


def test_a_single_word_counts_between_other_characters_only(vocab_file):
    tokenizer = BertTokenizer(vocab_file, False, [AddedToken("Covid19", COVID, single_word=True)])
    assert pieces(tokenizer, "a Covid19[") == ["a", "Covid19", "["]
    # As part of a word it is no wordpiece either, although it is a row.
    assert COVID not in tokenizer.encode("Covid19s aCovid19")


def test_the_longest_of_two_tokens_counts(vocab_file):
    tokens = [
        AddedToken("pain", ROWS.index("pain"), in_vocabulary=True),
        AddedToken("[DOSE]", DOSE),
    ]
    tokens.append(AddedToken("a", ROWS.index("a"), in_vocabulary=True))
    tokenizer = BertTokenizer(vocab_file, False, tokens)
    assert pieces(tokenizer, "pain[DOSE]apains") == ["pain", "[DOSE]", "a", "pain", "s"]


def test_offsets_are_those_of_the_original_text(vocab_file):
    tokens = [AddedToken("Covid19", COVID, normalized=True), AddedToken("[DOSE]", DOSE)]
    tokenizer = BertTokenizer(vocab_file, True, tokens)
    text = "é pain[DOSE]  CO\u0301VID19 b"
    ids, offsets = tokenizer.encode_with_offsets(text)
    assert ids == tokenizer.encode(text)
    assert [text[start:end] for start, end in offsets] == [
        *("é", "pain", "[DOSE]", "CO\u0301VID19", "b"),
    ]


def test_it_survives_pickling(vocab_file):
    tokenizer = BertTokenizer(vocab_file, True, [AddedToken("[DOSE]", DOSE)])
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again.encode("a [DOSE]") == tokenizer.encode("a [DOSE]")
    assert again.added_tokens == tokenizer.added_tokens


@pytest.mark.parametrize("row", [3, len(ROWS), -1])
def test_a_token_must_be_a_row_of_the_vocabulary(vocab_file, row):
    with pytest.raises(ValueError, match=rf"added token '\[DOSE\]' in row {row}"):
        BertTokenizer(vocab_file, True, [AddedToken("[DOSE]", row)])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

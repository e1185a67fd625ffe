import json
import pickle
import string
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import GOLDEN
from tfrecords_builder import tokenization
from tfrecords_builder.text.wordpieces import basic_tokenizer
from tfrecords_builder.text.wordpieces.basic_tokenizer import BasicTokenizer
from tfrecords_builder.tokenization import BertTokenizer, load_vocabulary

VOCAB_FILES = {"cased": GOLDEN / "vocab" / "cased.txt", "uncased": GOLDEN / "vocab" / "uncased.txt"}
TOKENIZERS = {
    name: BertTokenizer(str(path), do_lower_case=name == "uncased")
    for name, path in VOCAB_FILES.items()
}
CASINGS = ("cased", "uncased")
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# Unicode's corners: controls that str.split() takes for blanks, line separators, format
# characters, accents before and after composition, marks out of canonical order, sigmas, CJK.
ODD_TEXTS = (
    "a\x1cb c\x85d e\x0bf\x0cg",
    "line\u2028one\u2029two\u3000three\u00a0four",
    "soft\u00adhyphen zero\u200bwidth \ufffd\x00x",
    "ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ. Σ",
    "e\u0301\u0323\u302a\u1d165 \U0001d165\u0301a\u0301",
    "\u0301leading mark",
    "İstanbul ǅ ẞ Å \u212b",
    "中文mixed\uf900字\U00020000",
    "x`y^z$1+2~\u2019s\u2013t\u00bf",
    "\u037e\u1fef\u0387",
    "한국어 हिन्दी",
    "\ud800 lone surrogate",
    "[MASK][CLS] ##ed # #",
)
TEXTS = st.one_of(
    st.text(st.characters()),
    st.lists(
        st.sampled_from(
            [
                *("the", "Patient", "##ed", "café", "\u0301", " ", " ", "\n", "\t", "\x1c", "\x85"),
                *("\u00ad", "\u2028", "Σ", ".", "-", "中", "İ", "1", "mg", "\u00a0", "w" * 199),
            ]
        )
    ).map("".join),
)


def slow_words(text, do_lower_case):
    """The reference's basic rules, a character at a time, in its order of steps."""
    kept = []
    for char in text:
        category = unicodedata.category(char)
        blank = char in (" ", "\t", "\n", "\r") or category == "Zs"
        code = ord(char)
        if not blank and (code in (0, 0xFFFD) or category in ("Cc", "Cf")):
            continue
        cjk = (
            0x3400 <= code <= 0x4DBF
            or 0x4E00 <= code <= 0x9FFF
            or 0xF900 <= code <= 0xFAFF
            or 0x20000 <= code <= 0x2A6DF
            or 0x2A700 <= code <= 0x2CEAF
            or 0x2F800 <= code <= 0x2FA1F
        )
        kept.append(" " if blank else f" {char} " if cjk else char)
    words = []
    for token in "".join(kept).split():
        if do_lower_case:
            decomposed = unicodedata.normalize("NFD", token.lower())
            token = "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
        word = ""
        for char in token:
            if char in string.punctuation or unicodedata.category(char)[0] == "P":
                words += [word, char]
                word = ""
            else:
                word += char
        words.append(word)
    return " ".join(words).split()


def slow_wordpieces(text, vocab, do_lower_case):
    tokens = []
    for word in slow_words(text, do_lower_case):
        pieces, rest = [], word
        while rest and len(word) <= 200:
            prefix = "##" if pieces else ""
            fitting = [n for n in range(1, len(rest) + 1) if prefix + rest[:n] in vocab]
            if not fitting:
                break
            pieces.append(prefix + rest[: max(fitting)])
            rest = rest[max(fitting) :]
        tokens += ["[UNK]"] if rest else pieces
    return tokens


def odd_examples(test):
    for text in ODD_TEXTS:
        test = example(text)(test)
    return test


def write_vocab(path, rows, encoding="utf-8", newline="\n"):
    path.write_bytes(newline.join([*rows, ""]).encode(encoding))
    return str(path)


@pytest.mark.parametrize("casing", CASINGS)
def test_golden_tokens_and_ids_are_equal(casing):
    tokenizer = TOKENIZERS[casing]
    with open(GOLDEN / "tokenization" / "expected.jsonl", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == 643
    for row in rows:
        expected = row[casing]
        tokens = tokenizer.tokenize(row["text"])
        assert tokens == expected["tokens"], ascii(row["text"])
        assert tokenizer.convert_tokens_to_ids(tokens) == expected["ids"]
        assert tokenizer.convert_ids_to_tokens(expected["ids"]) == tokens
        assert tokenizer.encode(row["text"]) == expected["ids"]
        assert tokenizer.encode_with_offsets(row["text"])[0] == expected["ids"]
    ids, lengths = tokenizer.encode_lines([row["text"] for row in rows])
    assert ids.dtype == np.int32
    assert ids.tolist() == [row_id for row in rows for row_id in row[casing]["ids"]]
    assert lengths.tolist() == [len(row[casing]["ids"]) for row in rows]


@pytest.mark.parametrize("casing", CASINGS)
@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
@odd_examples
def test_any_text_equals_the_slow_implementation(casing, text):
    tokenizer = TOKENIZERS[casing]
    expected = slow_wordpieces(text, tokenizer.vocab, casing == "uncased")
    assert tokenizer.tokenize(text) == expected
    assert tokenizer.encode(text) == tokenizer.convert_tokens_to_ids(expected)
    assert tokenizer.encode_with_offsets(text)[0] == tokenizer.encode(text)


@pytest.mark.large
@pytest.mark.parametrize("do_lower_case", [False, True])
def test_every_character_is_treated_as_in_the_slow_implementation(do_lower_case):
    basic = BasicTokenizer(do_lower_case)
    # Planes 4 to 13 hold no characters, 15 and 16 only private ones.
    for first in (*range(0, 0x40000, 256), *range(0xE0000, 0xE0200, 256), 0x10FF00):
        # A digit on both sides shows removal, blanks and splits without touching casing.
        text = "|".join(f"1{chr(code)}2" for code in range(first, first + 256))
        assert basic.tokenize(text) == slow_words(text, do_lower_case), hex(first)


def test_controls_taken_for_blanks_are_all_those_of_str_split():
    blanks_of_split = {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}
    controls = {c for c in blanks_of_split if unicodedata.category(c) == "Cc"} - set("\t\n\r")
    found = {c for c in blanks_of_split if basic_tokenizer.CONTROLS_TAKEN_FOR_BLANKS.match(c)}
    assert found == controls


@pytest.mark.parametrize("casing", CASINGS)
@given(text=TEXTS)
@settings(max_examples=200, deadline=None)
@odd_examples
def test_offsets_lie_in_order_and_spell_their_wordpiece(casing, text):
    tokenizer = TOKENIZERS[casing]
    ids, offsets = tokenizer.encode_with_offsets(text)
    assert len(ids) == len(offsets)
    for row, (start, end) in zip(ids, offsets, strict=True):
        assert 0 <= start < end <= len(text)
        piece, found = tokenizer.inverse_vocab[row].removeprefix("##"), text[start:end]
        words = slow_words(found, casing == "uncased")
        if row == tokenizer.unk_id:
            assert not any(char.isspace() for char in found if unicodedata.category(char) != "Cc")
        elif casing == "cased":
            assert "".join(words) == piece
            if len(found) == len(piece):
                assert found == piece
        else:
            # One character may decompose into several; its wordpieces then share its span.
            # Whether a sigma is a final one depends on what stands around the span.
            assert piece.replace("ς", "σ") in "".join(words).replace("ς", "σ")
    starts = [start for start, _ in offsets]
    # Marks out of canonical order are the one thing that NFD moves.
    if casing == "cased" or not any(map(unicodedata.combining, unicodedata.normalize("NFD", text))):
        assert starts == sorted(starts)


def test_offsets_counted_by_hand(tmp_path):
    rows = [*SPECIALS, "cafe", "##s", "pain", "free", "-", "i", "##b"]
    tokenizer = BertTokenizer(write_vocab(tmp_path / "vocab.txt", rows), do_lower_case=True)
    text = "Cafe\u0301s pa\u00adin-free\n \u0130B Quux!"
    ids, offsets = tokenizer.encode_with_offsets(text)
    assert tokenizer.convert_ids_to_tokens(ids) == [
        *("cafe", "##s", "pain", "-", "free", "i", "##b", "[UNK]", "[UNK]")
    ]
    assert [text[start:end] for start, end in offsets] == [
        *("Cafe\u0301", "s", "pa\u00adin", "-", "free", "\u0130", "B", "Quux", "!")
    ]


def test_word_of_200_characters_is_split_and_one_more_is_unknown():
    tokenizer = TOKENIZERS["cased"]
    assert tokenizer.tokenize("w" * 200) == ["w"] + ["##w"] * 199
    assert tokenizer.encode_with_offsets("a " + "w" * 201) == (
        [tokenizer.vocab["a"], tokenizer.unk_id],
        [(0, 1), (2, 203)],
    )


def test_word_flags_and_special_ids():
    tokenizer = TOKENIZERS["cased"]
    rows = VOCAB_FILES["cased"].read_text(encoding="utf-8").split("\n")[:-1]
    assert tokenizer.vocab_size == len(rows) == 1200
    assert tokenizer.inverse_vocab == rows
    assert tokenizer.starts_word.tolist() == [not row.startswith("##") for row in rows]
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id)
    assert (*ids, tokenizer.mask_id) == (0, 1, 2, 3, 4)


def test_encode_lines_of_nothing_is_empty():
    ids, lengths = TOKENIZERS["cased"].encode_lines([])
    assert (ids.size, lengths.size) == (0, 0)
    ids, lengths = TOKENIZERS["cased"].encode_lines(["", "a", " "])
    assert (ids.size, lengths.tolist()) == (1, [0, 1, 0])


def test_cache_stays_bounded_and_results_stay_the_same(monkeypatch):
    monkeypatch.setattr(tokenization, "CACHED_WORDS", 10)
    tokenizer = BertTokenizer(str(VOCAB_FILES["cased"]), do_lower_case=False)
    words = [f"word{number}" for number in range(50)] + ["w" * 65]
    expected = [TOKENIZERS["cased"].encode(word) for word in words]
    for _ in range(2):
        assert [tokenizer.encode(word) for word in words] == expected
        cache = tokenizer._ids_of.__self__
        assert 0 < len(cache) <= 10
        assert "w" * 65 not in cache


def test_words_can_be_forgotten():
    tokenizer = BertTokenizer(str(VOCAB_FILES["cased"]), do_lower_case=False)
    before = tokenizer.encode("The patient was seen")
    tables = [tokenizer._ids_of.__self__, tokenizer._word_bytes_of.__self__]
    assert all(tables)
    tokenizer.forget_words()
    assert not any(tables)
    assert tokenizer.encode("The patient was seen") == before
    assert all(tables)


@pytest.mark.parametrize("casing", CASINGS)
def test_pickle_is_small_and_works_without_the_file(casing, tmp_path):
    vocab_file = tmp_path / "vocab.txt"
    vocab_file.write_bytes(VOCAB_FILES[casing].read_bytes())
    tokenizer = BertTokenizer(str(vocab_file), do_lower_case=casing == "uncased")
    lines = [f"Patient {number} denied chest pain." for number in range(2000)]
    expected = [tokenizer.encode(line) for line in lines]
    vocab_file.unlink()
    pickled = pickle.dumps(tokenizer)
    assert len(pickled) < VOCAB_FILES[casing].stat().st_size + 1000
    copy = pickle.loads(pickled)
    assert [copy.encode(line) for line in lines] == expected
    assert copy.vocab == tokenizer.vocab
    assert copy.do_lower_case == (casing == "uncased")


def test_unknown_wordpiece_and_id_are_errors_without_the_text():
    tokenizer = TOKENIZERS["cased"]
    with pytest.raises(ValueError, match="position 1 of 2") as caught:
        tokenizer.convert_tokens_to_ids(["a", "Johnsonville"])
    assert "Johnsonville" not in str(caught.value)
    for wrong in (-1, 1200):
        with pytest.raises(ValueError, match=f"from 0 to 1199 .* received {wrong}"):
            tokenizer.convert_ids_to_tokens([0, wrong])


def test_vocabulary_ids_are_line_numbers_with_blank_lines_and_windows_ends(tmp_path):
    rows = [*SPECIALS, "a", "", "  b ", "", "", "##c", "", ""]
    for newline in ("\n", "\r\n"):
        path = write_vocab(tmp_path / "vocab.txt", rows, encoding="utf-8-sig", newline=newline)
        vocab = load_vocabulary(path)
        assert vocab == {**{t: i for i, t in enumerate(SPECIALS)}, "a": 5, "b": 7, "##c": 10}
        tokenizer = BertTokenizer(path, do_lower_case=False)
        assert tokenizer.vocab_size == 11
        assert tokenizer.encode("a bc") == [5, 7, 10]
        assert tokenizer.inverse_vocab[6] == ""


def test_carriage_returns_alone_end_rows(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\xef\xbb\xbf[PAD]\r[UNK]\r\r[CLS]\r[SEP]\r[MASK]\rx\r")
    vocab = tokenization.load_vocabulary(str(path))
    assert vocab == {"[PAD]": 0, "[UNK]": 1, "[CLS]": 3, "[SEP]": 4, "[MASK]": 5, "x": 6}
    portable = tokenization.portable_vocabulary(str(path))
    assert portable == b"[PAD]\n[UNK]\n\n[CLS]\n[SEP]\n[MASK]\nx\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n".join([b"[PAD]", b"x", b"y", b"x"]), "line 4 equal to line 2"),
        (b"[PAD]\n[UNK]\n[CLS]\nx\n", r"lines 1 to 4 without \[SEP\] \[MASK\]"),
        (b"[PAD]\n[UNK]\nna\xefve\n", r"line 3 \(at byte 3 of the line\)"),
        ("[PAD]\n[UNK]\n".encode("utf-16"), "received UTF-16.*iconv -f UTF-16"),
        (b"", "line 1 is missing"),
        (b"\n \n", "no wordpiece in 2 lines"),
    ],
)
def test_unsound_vocabulary_is_an_error_naming_file_and_line(tmp_path, content, message):
    path = tmp_path / "unsound.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        BertTokenizer(str(path), do_lower_case=False)
    assert str(path) in str(caught.value)


def test_import_needs_no_tensorflow():
    code = (
        "import sys, tfrecords_builder.tokenization;"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

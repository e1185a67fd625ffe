import dataclasses
import json

import pytest

from clinicalbert_tf.datasets.conll import read_columns, read_columns_as_the_reference
from clinicalbert_tf.texts import reference_word_features as features_of
from tests.support import GOLDEN
from tfrecords_builder.tokenization import BertTokenizer

FEATURES = GOLDEN / "ner_features"
TOKENIZER = BertTokenizer(str(GOLDEN / "vocab" / "downstream_cased.txt"), False)


def made(part):
    ids = features_of.reference_label_ids("i2b2_2010", ())
    sentences = read_columns_as_the_reference((FEATURES / "input" / f"{part}.tsv").read_bytes())
    return [
        features_of.reference_features(f"{part}-{n}", s.words, s.labels, ids, TOKENIZER, 32)
        for n, s in enumerate(sentences)
    ]


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_features_are_equal(part):
    lines = (FEATURES / "expected" / f"{part}_features.jsonl").read_text("utf-8").splitlines()
    assert list(map(dataclasses.asdict, made(part))) == list(map(json.loads, lines))


def test_token_and_map_files_are_equal():
    test = made("test")
    for text, name in (
        (features_of.token_file(test), "9_token_test.txt"),
        (features_of.word_number_file(test), "9_tok_to_orig_map_test.txt"),
    ):
        assert text.encode("utf-8") == (FEATURES / "expected" / name).read_bytes()


def test_label_ids_are_the_references():
    maps = json.loads((FEATURES / "expected" / "label_maps.json").read_text("utf-8"))
    for task, expected in maps.items():
        found = ("B", "I", "O") if task == "ncbi" else ()
        ids = features_of.reference_label_ids(task, found)
        assert ids == expected["label2id"] and list(ids) == expected["label_list"]


@pytest.mark.parametrize("name", ["i2b2_2010", "i2b2_2012", "i2b2_2014"])
def test_kept_words_are_those_that_the_detokenizer_scores(name):
    folder = GOLDEN / "ner_eval" / name
    blocks = {
        kind: [
            block.split("\n")
            for block in (folder / "input" / f"{kind}_test.txt").read_text("utf-8").split("\n\n")
            if block.strip()
        ]
        for kind in ("token", "label", "tok_to_orig_map")
    }
    gold = read_columns("gold", (folder / "input" / "gold_words.txt").read_bytes())
    lines = []
    for sentence, tokens, labels, numbers in zip(gold, *blocks.values(), strict=True):
        numbers = [int(number) for number in numbers[1:-1]]
        made = features_of.ReferenceFeatures("", [], [], tokens, [], [], [], [], numbers)
        predicted = ["O"] * len(sentence.words)
        for word in features_of.kept_words(made):
            label = labels[1:][numbers.index(word)]
            predicted[word] = "O" if label in features_of.SPECIAL_LABELS else label
        pairs = zip(sentence.words, sentence.labels, predicted, strict=True)
        lines += [f"{word} {a} {b}" for word, a, b in pairs] + [""]
    expected = (folder / "expected" / "NER_result_conll.txt").read_text("utf-8")
    assert "".join(f"{line}\n" for line in lines) == expected


def test_label_file_has_a_line_per_token():
    ids = features_of.reference_label_ids("i2b2_2010", ())
    of = features_of.reference_features(
        "test-0", ["Community-acquired", "pain"], ["O", "O"], ids, TOKENIZER, 32
    )
    lines = features_of.label_file([of], [["B-problem", "O"]]).split("\n")
    assert lines[0] == "[CLS]" and lines[-3:] == ["[SEP]", "", ""]
    first_of_pain = of.tok_to_orig_map.index(1) + 1
    assert lines[1] == "B-problem" and lines[first_of_pain] == "O"
    assert lines[2] == "X" and len(lines) == len(of.tokens) + 2


def test_an_unknown_label_names_the_sentence():
    ids = features_of.reference_label_ids("i2b2_2010", ())
    with pytest.raises(ValueError, match=r"dev-3.*B-finding.*--task_name=conll"):
        features_of.reference_features("dev-3", ["x"], ["B-finding"], ids, TOKENIZER, 32)


def test_last_sentence_is_kept_by_default():
    path = FEATURES / "input" / "test.tsv"
    assert len(read_columns("test", path.read_bytes())) == len(made("test")) + 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

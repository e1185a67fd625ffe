import json

import pytest

from clinicalbert_tf.texts.entity_files import concept_file, word_gold_predicted
from tests import support

GOLDEN = support.GOLDEN / "ner_eval"


def columns(text):
    blocks = [block for block in text.split("\n\n") if block.strip()]
    rows = [[line.split() for line in block.split("\n") if line] for block in blocks]
    return [[[row[column] for row in of] for of in rows] for column in range(3)]


@pytest.mark.parametrize("name", ["i2b2_2010", "i2b2_2012", "i2b2_2014"])
def test_concept_files_equal_the_references(name):
    text = (GOLDEN / name / "expected" / "NER_result_conll.txt").read_text("utf-8")
    words, gold, predicted = columns(text)
    for labels, file in ((gold, "gold_i2b2.con"), (predicted, "pred_i2b2.con")):
        expected = (GOLDEN / name / "expected" / file).read_text("utf-8")
        written = concept_file(words, labels)
        assert written == expected
    assert word_gold_predicted(words, gold, predicted) == text


def test_small_cases_equal_the_references():
    cases = json.loads((GOLDEN / "small_cases.json").read_text("utf-8"))
    checked = 0
    for case in cases:
        expected = case["expected"]
        if expected.get("pred_i2b2_con") is None:
            continue
        words, gold, predicted = columns(expected["NER_result_conll"])
        assert concept_file(words, gold) == expected["gold_i2b2_con"]
        assert concept_file(words, predicted) == expected["pred_i2b2_con"]
        checked += 1
    assert checked >= 5


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import json

import pytest

from clinicalbert_tf.datasets.conll import (
    labels_found,
    read_columns,
    read_columns_as_the_reference,
)
from tests import support

GOLDEN = support.GOLDEN / "ner_features"


def golden_sentences(part):
    path = GOLDEN / "expected" / f"{part}_features.jsonl"
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [(tuple(row["words"]), tuple(row["word_labels"])) for row in rows]


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_reference_reading_equals_its_own(part):
    read = read_columns_as_the_reference((GOLDEN / "input" / f"{part}.tsv").read_bytes())
    assert [(s.words, s.labels) for s in read] == golden_sentences(part)


@pytest.mark.parametrize(("part", "count"), [("dev", 12), ("test", 13)])
def test_last_sentence_without_an_empty_line_is_kept(part, count):
    read = read_columns(part, (GOLDEN / "input" / f"{part}.tsv").read_bytes())
    assert len(read) == count
    assert [(s.words, s.labels) for s in read[:-1]] == golden_sentences(part)


@pytest.mark.parametrize(
    "data",
    [
        b"The O\npain B-problem\n\nCough B-problem\n",
        b"The O\npain B-problem\n\nCough B-problem",
        b"\xef\xbb\xbfThe O\r\npain B-problem\r\n\r\nCough B-problem\r\n\r\n",
        b"\n\n\nThe O\npain B-problem\n\n\n  \n\nCough B-problem\n\n\n",
        b"The\tx\tO\npain y B-problem\n\nCough  B-problem\n",
        b"-DOCSTART- O\n\nThe O\npain B-problem\n\nCough B-problem\n",
    ],
)
def test_line_ends_marks_columns_and_empty_lines(data):
    read = read_columns("f", data)
    assert [s.words for s in read] == [("The", "pain"), ("Cough",)]
    assert [s.labels for s in read] == [("O", "B-problem"), ("B-problem",)]


def test_document_starts_name_documents():
    read = read_columns("f", b"-DOCSTART- O\n\na O\n\n-DOCSTART- O\nb O\n\nc O\n")
    assert [s.document for s in read] == ["document 1", "document 2", "document 2"]


def test_documents_of_jnlpba_have_a_line_of_their_own():
    read = read_columns("f", b"###MEDLINE:95369245\n\na\tO\nb\tB-DNA\n\n###MEDLINE:9\n\nc\tO\n")
    assert [(s.words, s.document) for s in read] == [
        (("a", "b"), "document 1"), (("c",), "document 2"),
    ]  # fmt: skip


def test_a_no_break_space_is_part_of_a_word():
    assert read_columns("f", "5\u00a0mg O\n".encode())[0].words == ("5\u00a0mg",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"The O\nsecret\n", "line 2: expected a word and a label"),
        (b"The O\nsecret Q-problem\n", "line 2: expected O or a tag"),
        (b"The O\nsecret B-\n", "line 2: expected O or a tag"),
        (b"The x O\nsecret O\n", "line 2: expected 3 columns"),
        (b"secret \xe9 O\n", "expected UTF-8"),
    ],
)
def test_bad_lines_are_named_by_file_and_line(data, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_columns("f.tsv", data)
    assert "f.tsv" in str(caught.value) and "secret" not in str(caught.value)


def test_the_reference_reading_names_a_line_without_a_label_and_drops_a_mark_on_request():
    with pytest.raises(ValueError, match="f, line 3: expected O or a tag"):
        read_columns_as_the_reference(b"a O\n\nb\n\n", source="f")
    data = b"\xef\xbb\xbf\r\na O\r\n"
    assert [s.words for s in read_columns_as_the_reference(data, keep_last=True)] == [("a",)]


def test_labels_are_found():
    read = read_columns("f", b"a B-LOCATION-OTHER\nb I-x_1\n\nc O\nd S-01\n")
    assert labels_found(read) == [
        "B-LOCATION-OTHER",
        "I-LOCATION-OTHER",
        "B-x_1",
        "I-x_1",
        "B-01",
        "I-01",
        "O",
    ]
    assert labels_found(read_columns("f", b"a B\nb I\n")) == ["B", "I", "O"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""brat, JSON lines and i2b2 XML: no entity is lost on the way out and in again."""

import io
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.datasets.brat import brat_files, read_brat
from clinicalbert_tf.datasets.documents import Account, Document, Span
from clinicalbert_tf.datasets.i2b2_xml import i2b2_xml, read_i2b2_xml
from clinicalbert_tf.datasets.json_spans import json_spans_line, read_json_spans

TEXTS = st.text(
    st.one_of(
        st.sampled_from("ab \n\r\t&<>]'\"é\u00a0\u200b\ufeff𝒜"),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=40,
)
LABELS = st.text(string.ascii_letters + "-_.&<é", min_size=1, max_size=8)


@st.composite
def documents(draw):
    text = draw(TEXTS)
    spans = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        spans.append(Span(start, end, draw(LABELS)))
    return Document("note-1", text, tuple(spans), "patient-2")


def entities(document):
    return [(span.start, span.end, span.label) for span in document.spans]


@settings(max_examples=200, deadline=None)
@given(documents())
def test_json_lines_round_trip(document):
    data = io.BytesIO(json_spans_line(document).encode("utf-8"))
    assert list(read_json_spans("f.jsonl", data)) == [document]


@settings(max_examples=200, deadline=None)
@given(documents())
def test_brat_round_trip(document):
    text, annotations = (content.encode("utf-8") for content in brat_files(document))
    account = Account()
    read = read_brat("f.ann", text, annotations, "note-1", account)
    assert read.text == document.text
    assert entities(read) == entities(document)
    assert not account.entries


@settings(max_examples=200, deadline=None)
@given(documents())
def test_i2b2_xml_round_trip(document):
    account = Account()
    read = read_i2b2_xml("f.xml", i2b2_xml(document).encode("utf-8"), "note-1", account)
    assert len(read.text) == len(document.text)
    assert entities(read) == entities(document)
    assert not account.entries
    kept = [a == b or b == "\ufffd" for a, b in zip(document.text, read.text, strict=True)]
    assert all(kept)


def brat(text, annotations, **settings):
    account = Account()
    document = read_brat(
        "f.ann", text.encode("utf-8"), annotations.encode("utf-8"), "n", account, **settings
    )
    return [(document.text[s.start : s.end], s.label) for s in document.spans], account


@pytest.mark.parametrize(("first", "second"), [((5, 9), (17, 22)), ((5, 9), (18, 23))])
def test_brat_offsets_of_windows_line_ends_in_either_counting(first, second):
    text = "Seen pain today.\r\nCough too.\r\n"
    annotations = (
        f"T1\tProblem {first[0]} {first[1]}\tpain\r\nT2\tProblem {second[0]} {second[1]}\tCough\r\n"
    )
    found, account = brat(text, annotations)
    assert found == [("pain", "Problem"), ("Cough", "Problem")]
    assert not account.entries


@pytest.mark.parametrize("counted", [0, 1])
@pytest.mark.parametrize("line_end", [1, 2])
def test_brat_byte_order_mark_in_either_counting(counted, line_end):
    start = 11 + line_end + counted
    annotations = f"T1\tA {counted} {4 + counted}\tSeen\nT2\tA {start} {start + 5}\tCough\n"
    found, account = brat("\ufeffSeen today. \r\nCough too.".replace(" \r", "\r"), annotations)
    assert found == [("Seen", "A"), ("Cough", "A")] and not account.entries


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("range", ["right and left arm"]),
        ("split", ["right", "arm"]),
        ("drop", []),
    ],
)
def test_brat_fragments_are_counted_and_resolved_by_the_setting(rule, expected):
    found, account = brat(
        "The right and left arm hurt .", "T3\tSite 4 9;19 22\tright arm\n", fragments=rule
    )
    assert [text for text, _ in found] == expected
    assert account.counts() == {"discontinuous": 1}
    assert account.entries[0]["annotation"] == "T3"


def test_brat_pieces_of_two_lines_are_one_entity():
    found, account = brat("left\narm", "T1\tSite 0 4;5 8\tleft arm\n")
    assert found == [("left\narm", "Site")] and not account.entries


def test_brat_other_annotations_are_left_alone():
    annotations = "T1\tA 0 4\tleft\nR1\tOf Arg1:T1 Arg2:T1\n#1\tNote T1\tx\nE1\tA:T1\n"
    assert brat("left arm", annotations)[0] == [("left", "A")]


def test_brat_unknown_fragment_rule():
    with pytest.raises(ValueError, match="range, split, drop"):
        brat("a", "", fragments="first")


def test_brat_damaged_entity_line_names_its_place():
    with pytest.raises(ValueError, match=r"f\.ann, line 2"):
        brat("left arm", "T1\tA 0 4\tleft\nT2\tA zero 4\tarm\n")


def test_brat_refuses_to_write_a_label_with_a_space():
    with pytest.raises(ValueError, match="without white space"):
        brat_files(Document("n", "left", (Span(0, 4, "a b"),)))


@pytest.mark.parametrize("form", ["brat", "jsonl", "xml"])
def test_an_offset_past_the_text_is_named_with_its_length(form):
    with pytest.raises(ValueError) as caught:
        if form == "brat":
            brat("left arm", "T7\tA 5 99\tsecret\n")
        elif form == "jsonl":
            spans = b'[{"id": "T7", "start": 5, "end": 99, "label": "A"}]'
            line = b'{"text": "left arm", "spans": ' + spans + b"}"
            list(read_json_spans("f.jsonl", io.BytesIO(line)))
        else:
            xml = (
                "<a><TEXT><![CDATA[left arm]]></TEXT><TAGS>"
                '<PHI id="T7" start="5" end="99" text="secret" TYPE="A"/></TAGS></a>'
            )
            read_i2b2_xml("f.xml", xml.encode(), "n", Account())
    message = str(caught.value)
    assert all(part in message for part in ("f.", "T7", "99", "8"))
    assert "secret" not in message and "left" not in message


def test_an_annotation_beside_its_offsets_is_moved_and_listed():
    xml = (
        "<a><TEXT><![CDATA[The left arm and the leg]]></TEXT><TAGS>"
        '<E id="1" start="6" end="14" text="left arm" TYPE="A"/>'
        '<E id="2" start="23" end="26" text="leg" TYPE="A"/>'
        '<E id="3" start="0" end="3" text="hip" TYPE="A"/></TAGS></a>'
    )
    account = Account()
    document = read_i2b2_xml("f.xml", xml.encode(), "n", account)
    assert [document.text[s.start : s.end] for s in document.spans] == ["left arm", "leg"]
    assert [(e["reason"], e["annotation"]) for e in account.entries] == [
        ("moved", "1"),
        ("moved", "2"),
        ("misaligned", "3"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"secret", "line 1: expected a JSON object"),
        (b"[1]", "line 1: expected an object with a text"),
        (b'{"text": 5}', "line 1: expected an object with a text"),
        (b'{"text": "a", "meta": 3}', "meta"),
        (b'{"text": "a", "spans": [{"start": "0", "end": 1, "label": "A"}]}', "span 0"),
        (b'{"text": "a", "spans": [{"start": 0, "end": 1}]}', "span 0"),
    ],
)
def test_json_lines_that_are_none(line, message):
    with pytest.raises(ValueError, match=message) as caught:
        list(read_json_spans("f.jsonl", io.BytesIO(line)))
    assert "secret" not in str(caught.value)


def test_json_lines_with_byte_order_mark_crlf_and_empty_lines():
    data = b'\xef\xbb\xbf{"text": "a", "note_id": 7}\r\n\r\n{"text": "b"}'
    read = list(read_json_spans("f.jsonl", io.BytesIO(data)))
    assert [(document.note_id, document.text) for document in read] == [("7", "a"), ("2", "b")]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

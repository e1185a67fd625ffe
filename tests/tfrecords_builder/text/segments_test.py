"""Sections with places in the original text: nothing lost on any text, kinds on hand-made notes."""

import json
import re

import hypothesis
import hypothesis.strategies as st
import pytest

from tfrecords_builder.text import section_kinds, segments
from tfrecords_builder.text.sections import split_sections
from tfrecords_builder.text.sentences import split_all_sentences

NOTE = (
    "Seen in clinic.\n\nHISTORY OF PRESENT ILLNESS:\nMs. ___ has pain.\nPain: 5/10\n\n"
    "Meds: aspirin\nlisinopril\r\n\r\nPhysical Exam\n=====\nHEENT: normal\nBP: 120/80\n\n"
    "Social Worker Note:\nfamily is near\n## Assessment/Plan\nrest\n\n3. Follow-up: in a week"
)


def test_sections_of_a_note():
    found = segments.segment(NOTE)
    assert [(one.title, one.kind) for one in found] == [
        ("", "untitled"),
        ("HISTORY OF PRESENT ILLNESS", "history of present illness"),
        ("Meds", "medications"),
        ("Physical Exam", "physical exam"),
        ("Social Worker Note", "other"),
        ("Assessment/Plan", "assessment and plan"),
        ("Follow-up", "follow up"),
    ]
    assert NOTE[found[3].start : found[3].end] == (
        "Physical Exam\n=====\nHEENT: normal\nBP: 120/80\n\n"
    )


def test_sections_of_a_chinese_note():
    text = (
        "主诉：头痛2天。\n现病史：患者头痛，\n无发热。\n查体\n血压：120/80\n【初步诊断】\n1. 头痛\n"
        "护理记录：\n平稳"
    )
    found = segments.segment(text)
    assert [(one.title, one.kind) for one in found] == [
        ("主诉", "chief complaint"),
        ("现病史", "history of present illness"),
        ("查体", "physical exam"),
        ("初步诊断", "diagnosis"),
        ("护理记录", "other"),
    ]
    assert text[found[2].start : found[2].end] == "查体\n血压：120/80\n"


@pytest.mark.parametrize(
    "title, kind",
    [
        ("Medications on Admission", "medications"),
        ("Medications (at home)", "medications"),
        ("Medications Held on Transfer", "medications"),
        ("Assessment & Plan", "assessment and plan"),
        ("A/P", "assessment and plan"),
        ("HPI", "history of present illness"),
        ("Neuro Exam", "physical exam"),
        ("Weather", "other"),
        ("出院诊断", "diagnosis"),
        ("Social Hx", "social history"),
        ("Past Medical Hx.", "past medical history"),
        ("理學檢查", "physical exam"),
        ("出院診斷", "diagnosis"),
    ],
)
def test_kinds_of_titles(title, kind):
    assert section_kinds.KINDS.kind_of(title) == kind


def test_a_byte_order_mark_is_no_part_of_the_first_title():
    (found,) = segments.segment("\ufeffPlan: rest")
    assert (found.title, found.kind, found.start, found.end) == (
        "Plan", "assessment and plan", 0, 11,
    )  # fmt: skip


def test_the_table_can_be_extended(tmp_path):
    path = tmp_path / "kinds.json"
    path.write_text(json.dumps({"Wound Care": ["Wound", "VAC"], "plan": ["Plan"]}), "utf-8")
    table = section_kinds.read_kinds(str(path))
    found = segments.segment("wound: clean\nPlan: rest\nHPI: fell", table)
    assert [one.kind for one in found] == ["wound care", "plan", "history of present illness"]
    assert table.check(["wound_care", " Plan"]) == ("wound care", "plan")
    assert section_kinds.KINDS.known("wound") is None
    with pytest.raises(ValueError, match=r"among .*medications.*received wounds"):
        table.check(["medications", "wounds"])


@pytest.mark.parametrize("content", ["[1]", "{", '{"a": "b"}', '{"a": [1]}', '{"": ["b"]}'])
def test_another_table_is_refused(content, tmp_path):
    path = tmp_path / "kinds.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r'kinds\.json: expected JSON .* Write \{"kind"'):
        section_kinds.read_kinds(str(path))


def test_only_some_kinds():
    text = "HPI: fell\nMeds: none\nPlan: rest\nAssessment: well\n"
    assert segments.restrict(text, {"assessment and plan"}) == "Plan: rest\nAssessment: well\n"
    assert segments.of_kinds(text, {"assessment and plan"}) == [(21, 49)]
    assert segments.restrict(text, {"allergies"}) == ""
    assert segments.restrict(text, {"medications", "history of present illness"}) == text[:21]


FRAGMENT_TABLE = (
    "HPI:|Meds: |Plan|PHYSICAL EXAM|Social Worker Note:|# Assessment/Plan|1. Allergies: none|x: y|"
    "Dr. ___ came. He left.|---|=====|  ***** |_________|pain -- - -----|主诉：|【诊断】|"
    "头痛。|无，|血压：120|a.|b\n|\n\n|\r\n|\r|\t| |\u2028|\x0b|[**Name. X**]|"
    "Admission Date: a Discharge Date: b"
)
TEXTS = st.one_of(
    st.lists(st.sampled_from(FRAGMENT_TABLE.split("|")), max_size=24).map("\n".join),
    st.lists(st.sampled_from(FRAGMENT_TABLE.split("|")), max_size=24).map("".join),
    st.text(max_size=60),
)


@hypothesis.given(text=TEXTS)
@hypothesis.settings(max_examples=600, deadline=None)
def test_no_character_of_any_text_is_left_out(text):
    found = segments.segment(text)
    assert "".join(text[one.start : one.end] for one in found) == text
    assert [one.start for one in found] == [0, *(one.end for one in found)][: len(found)]
    for one in found:
        assert one.title in text[one.start : one.end]
        assert one.kind in section_kinds.KINDS.names


def shortened(text):
    """The characters other than white space, runs of a ruler's mark as long as any other."""
    return re.sub(r"([-_=*~])\1\1+", r"\1\1\1", "".join(text.split()))


@hypothesis.given(text=TEXTS)
@hypothesis.settings(max_examples=600, deadline=None)
def test_sentences_are_where_they_are_said_to_be(text):
    spans = segments.sentence_spans(text)
    lines = split_all_sentences(split_sections(text))
    assert len(spans) == len(lines)
    for (start, end), line in zip(spans, lines, strict=True):
        assert shortened(text[start:end]) == shortened(line)
    outside = text
    for start, end in reversed(spans):
        outside = outside[:start] + outside[end:]
    assert not outside.strip()


def test_pieces_of_another_text_are_refused():
    with pytest.raises(ValueError, match="pieces of the text"):
        segments.locate("one two", ["one", "three"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

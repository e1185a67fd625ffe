"""One note to its sentences, and what is counted of it."""

import pytest

from tfrecords_builder.text import sections, sentences
from tfrecords_builder.text.cutting import CutNote, cut_note

# The published rules fail on it: the reference reads a field that is not there.
FAILS = "Admission Date: a Discharge Date: secret"


def test_a_note_becomes_the_sentences_of_its_sections():
    text = "Allergies:\nPenicillin\n\n_____\nPlan:  rest. Then\nhome.\n"
    cut = cut_note(text, "corrected", "rules")
    parts = sections.split_sections(text)
    assert cut.lines == [line for part in parts for line in sentences.split_sentences(part)]
    assert cut.sections == len(parts)
    assert cut.characters_read == len("Allergies:PenicillinPlan:rest.Thenhome.")
    assert cut.characters_kept == cut.characters_read
    assert cut.failure is None


def test_characters_that_the_splitter_loses_are_not_kept(monkeypatch):
    monkeypatch.setattr(sentences, "splitter", lambda name: lambda parts: ["ab", "c"])
    cut = cut_note("abcdef", "corrected", "rules")
    assert (cut.characters_read, cut.characters_kept) == (6, 3)


def test_the_published_rules_failure_is_the_references_own():
    assert cut_note(FAILS, "as_published", "rules") == CutNote(
        [], 0, 35, 0, "sections=as_published: IndexError"
    )
    assert cut_note(FAILS, "corrected", "rules").failure is None


def test_a_failing_splitter_is_named_without_the_text(monkeypatch):
    def fails(parts):
        raise RuntimeError(parts[0])

    monkeypatch.setattr(sentences, "splitter", lambda name: fails)
    cut = cut_note("secret", "corrected", "spacy:blank")
    assert cut.failure == "sentences=spacy:blank: RuntimeError"
    assert "secret" not in repr(cut)


def test_a_repr_holds_no_text():
    assert "Secret" not in repr(cut_note("Secret note.", "corrected", "rules"))


def test_unknown_section_rules_fail_the_note_and_unknown_sentences_the_call():
    assert cut_note("a", "none", "rules").failure == "sections=none: ValueError"
    with pytest.raises(ValueError, match="nltk"):
        cut_note("a", "corrected", "nltk")


def test_placeholders_within_a_line_take_the_form_of_spans():
    text = "Ms. ___ was seen by Dr. ____ on ___. She slept.\r\n____\r\nThen she left."
    cut = cut_note(text, "corrected", "rules")
    assert cut.lines == [
        "Ms. [** **] was seen by Dr. [** **] on [** **].",
        "She slept.",
        "_____",
        "Then she left.",
    ]
    assert cut.characters_kept == cut.characters_read
    assert cut_note("Ms. ___ left", "as_published", "rules").lines == ["Ms.", "_____", "left"]


def test_a_ruler_is_a_line_of_its_own():
    text = "DISCHARGE EXAM\n=====================\nPlan - rest\n*****\nVS: stable"
    cut = cut_note(text, "corrected", "rules")
    assert cut.lines == ["DISCHARGE EXAM", "=====", "Plan -", "rest", "*****", "VS: stable"]
    assert (cut.characters_read, cut.characters_kept) == (31, 31)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_kind_of_line_end_makes_no_difference(end):
    text = end.join(["Plan:", "- rest", "- walk", "", "Seen today", "on rounds and", "is well."])
    assert cut_note(text, "corrected", "rules").lines == [
        "Plan:",
        "- rest",
        "- walk",
        "Seen today",
        "on rounds and is well.",
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Sentences: hand-split clinical prose, the reference's two rules, and nothing lost."""

import hypothesis
import hypothesis.strategies as st
import pytest

from tfrecords_builder.text.sentences import split_all_sentences, split_sentences

# `|` stands between the sentences that are expected.
PROSE = (
    "The patient was stable.|She went home.",
    "Was seen by Dr. Smith.|Pt. c/o pain.|See Dr. [**Last Name (STitle) 55**] in a week.",
    "Mr. [**Known lastname 12**] vs. his wife, approx. 5 days, i.e. one week, e.g. until Monday.",
    "Aspirin 81 mg p.o. q.d. and heparin 5000 units s.q. t.i.d. were given.|He slept.",
    "Lasix 40 mg q.d.|The dose was halved.",
    "Keflex 500 mg q.6h. p.r.n. fever.",
    "At 9 a.m. the drain was removed.|At 5 p.m. [**Name (NI)**] called.",
    "Temp 98.6 and WBC 12.4.|Creatinine was 1.2.|No fever.",
    "Given 25 mg.|BP fell.",
    "Given 25 mg. PO daily.",
    "J. R. Smith has hepatitis C.|The rest is vitamin K.|No bleeding.",
    "Tylenol No. 3 was given.|Was it?|No.|Is there pain?|None!|Good.",
    "? pneumonia on film.|Admitted for ? sepsis.",
    "1. aspirin 81 mg.|2. Plavix 75 mg.",
    "IMPRESSION: 1. No acute process.|2. Stable.",
    "Pulse was 60.|Respirations 12.",
    "lungs clear.|abd. soft.|will monitor.",
    'He said "fine."|She agreed.|(He left.)|She stayed.',
    "H. pylori was found at St. Luke's.|Pt. [**Name**] agreed.",
    "Etc. etc. and so on... then more...|Then done.",
    "头痛2天。|无发热！|是否呕吐？|无；|予休息。",
    "他说“不痛。”|又说：“好！！”|血压120/80 mmHg。",
    "心率80次.|神志清?|体温36.5℃，脉搏 80次/分。",
)


@pytest.mark.parametrize("marked", PROSE)
def test_prose_is_split_where_a_reader_would(marked):
    assert split_sentences(" ".join(marked.split("|"))) == marked.split("|")


def test_full_stop_before_a_title_case_word_is_a_boundary_with_or_without_blanks():
    assert split_sentences("no pain . The wound healed.Sutures out") == [
        "no pain .",
        "The wound healed.",
        "Sutures out",
    ]


def test_boundary_after_a_hyphen_that_stands_alone():
    assert split_sentences("Vitals - T 98.6 BP 120/80 - stable") == [
        "Vitals -",
        "T 98.6 BP 120/80 -",
        "stable",
    ]


def test_no_boundary_between_two_hyphens_or_within_a_word():
    assert split_sentences("x - - y well-known 3-4 days -5") == [
        "x - -",
        "y well-known 3-4 days -5",
    ]


def test_bullets_stay_with_their_items():
    section = "Call your doctor for:\n- fever > 101\n- chest pain\n* rash\n1. cough\n2) pain"
    assert split_sentences(section) == [
        "Call your doctor for:",
        "- fever > 101",
        "- chest pain",
        "* rash",
        "1. cough",
        "2) pain",
    ]


def test_wrapped_prose_becomes_one_line():
    section = (
        "Given history of atrial fibrillation, Metoprolol was held\n"
        "pending work-up. Transferred to the floor with Dr. [**Last Name\n"
        "(STitle). The 55**] on\n[**2149-6-17**] in stable condition, then to\nRehab. Plan:\n\tnone"
    )
    assert split_sentences(section) == [
        "Given history of atrial fibrillation, Metoprolol was held pending work-up.",
        "Transferred to the floor with Dr. [**Last Name (STitle). The 55**] on [**2149-6-17**] in "
        "stable condition, then to Rehab.",
        "Plan: none",
    ]


def test_lines_that_were_ended_on_purpose_stay_apart():
    section = "Metoprolol 25 mg PO BID\nPantoprazole 40 mg PO DAILY\nInsulin 14 units SC QHS"
    assert split_sentences(section) == section.split("\n")


def test_a_blank_line_ends_a_sentence():
    assert split_sentences("no full stop\n \t \nhere either") == ["no full stop", "here either"]


def test_lab_table_has_one_sentence_a_drawing():
    section = (
        "[**2101-3-4**] 01:16AM BLOOD WBC-3.3 RBC-4.20* Hgb-11.4*\n"
        "MCV-90 Plt Ct-382\n"
        "[**2101-3-5**] 09:53PM BLOOD Na-139 K-4.1"
    )
    assert split_sentences(section) == [
        "[**2101-3-4**] 01:16AM BLOOD WBC-3.3 RBC-4.20* Hgb-11.4* MCV-90 Plt Ct-382",
        "[**2101-3-5**] 09:53PM BLOOD Na-139 K-4.1",
    ]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("Code status:\nFull\nHome oxygen: \nnone", "Code status: Full|Home oxygen: none"),
        ("Code status:\t \nFull", "Code status: Full"),
        ("Pain score:\n4/10\n\nHe is well.", "Pain score: 4/10|He is well."),
        # More than one line is a list or prose below a title.
        ("Medications at home:\nAspirin\nInsulin", "Medications at home:|Aspirin|Insulin"),
        ("Plan of care:\n1. Rest\n2. Water", "Plan of care:|1. Rest|2. Water"),
        ("Past history:\nHTN: yes\nDM: no", "Past history:|HTN: yes|DM: no"),
        ("Code status:\n- Full", "Code status:|- Full"),
    ],
)
def test_a_label_and_its_answer_on_a_line_of_its_own_are_one_sentence(section, expected):
    assert split_sentences(section) == expected.split("|")


@pytest.mark.parametrize("section", ["", " ", "\n \t\n", "\u00a0\u2028"])
def test_white_space_is_no_sentence(section):
    assert split_sentences(section) == []


def test_dotted_lines_take_time_in_proportion():
    section = "Name" + "." * 200_000 + "Dr" + "[**" * 20_000 + "!" * 100_000
    assert split_sentences(section) == [section]


def test_a_sentence_without_end_stays_whole():
    section = "and then " * 50_000
    assert split_sentences(section) == [section.strip()]


FRAGMENT_TABLE = (
    "The|pt.|Pt.|Dr.|q.d.|e.g.|A.|1.|2)|3.5|.|. |...|!|?| ? |-| - |--|The end.|next|mg.|PO|IV|"
    '[**2101-3-4**]|[**Last Name. The 3**]|[** - **]|[**a\nb**]|[**|**]|(|)|"|:|,|;|#|*|no.|No. 5|'
    "WBC-3.3|01:16AM|\n|\n\n| \n |\r\n|\t| |  |\u00a0|\u2028|\x1c|\x85|é.|Ω|"
    "疼|痛，|。|！|？|；|：|”|【|】|主诉：|wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
)
SECTIONS = st.one_of(
    st.lists(st.sampled_from(FRAGMENT_TABLE.split("|")), max_size=30).map("".join),
    st.lists(st.sampled_from(FRAGMENT_TABLE.split("|")), max_size=30).map(" ".join),
    st.text(max_size=80),
)


@hypothesis.given(section=SECTIONS)
@hypothesis.settings(max_examples=1500, deadline=None)
def test_only_white_space_is_lost_and_every_sentence_is_one_line(section):
    sentences = split_sentences(section)
    assert "".join("".join(sentences).split()) == "".join(section.split())
    for sentence in sentences:
        assert sentence
        assert sentence == " ".join(sentence.split())


SPANS = st.text(alphabet="aB. -?!\n1)*", max_size=20).filter(lambda inside: "**" not in inside)


@hypothesis.given(
    inside=SPANS.filter(lambda inside: not inside.endswith("*")),
    before=st.sampled_from(["", "Seen by Dr. ", "x\n", "Plan - ", "a. "]),
    after=st.sampled_from(["", ". The", "\nNext", " - y", "!", "**]"]),
)
@hypothesis.settings(max_examples=500, deadline=None)
def test_deidentified_spans_stay_whole(inside, before, after):
    span = f"[**{inside}**]"
    sentences = split_sentences(before + span + after)
    assert any(" ".join(span.split()) in sentence for sentence in sentences)


@hypothesis.given(sections=st.lists(SECTIONS, max_size=5))
@hypothesis.settings(deadline=None)
def test_all_sections_at_once_give_the_sentences_of_each(sections):
    expected = [sentence for section in sections for sentence in split_sentences(section)]
    assert split_all_sentences(sections) == expected


def test_short_lines_with_room_for_the_next_word_are_statements():
    section = "awake and oriented x3 denies chest pain\nlungs clear\nvoiding well\nplan walk today"
    assert split_sentences(section) == section.split("\n")


def test_short_lines_without_room_for_the_next_word_are_wrapped():
    # Eighteen columns wide: no line could have taken the next word.
    section = "awake and oriented\nx3 denies pain and\nshortness of\nbreath since"
    assert split_sentences(section) == [section.replace("\n", " ")]


def test_an_indented_line_belongs_to_the_item_above():
    section = "- aspirin daily\n- metoprolol\n  twice a day\n- lisinopril once daily"
    assert split_sentences(section) == [
        "- aspirin daily",
        "- metoprolol twice a day",
        "- lisinopril once daily",
    ]


@pytest.mark.parametrize(
    "section, expected",
    [
        ("患者三天前出现胸闷，\n伴气促。\n无发热。", "患者三天前出现胸闷，伴气促。|无发热。"),
        ("患者三天前无明显诱因\n出现胸闷", "患者三天前无明显诱因出现胸闷"),
        ("神志清\n精神可\n饮食正常", "神志清|精神可|饮食正常"),
        ("予阿司匹林 100 mg\nqd 口服", "予阿司匹林 100 mg qd 口服"),
        ("主诉：\n头痛。", "主诉：头痛。"),
    ],
)  # fmt: skip
def test_wrapped_chinese_lines_are_joined_without_a_space(section, expected):
    assert split_sentences(section) == expected.split("|")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

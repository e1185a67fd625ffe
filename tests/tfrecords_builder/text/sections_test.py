"""Sections against the reference's golden output, a slow plain version, and the promise to keep
every character."""

import csv
import json
import re

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.support import GOLDEN
from tfrecords_builder.text import sections

with open(GOLDEN / "notes" / "NOTEEVENTS.csv", encoding="utf-8", newline="") as file:
    NOTES = {int(row["ROW_ID"]): row["TEXT"] for row in csv.DictReader(file)}


def golden_lines(name):
    lines = (GOLDEN / "sections" / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


GOLDEN_CASES = [
    (f"note {case['row_id']}", NOTES[case["row_id"]], case)
    for case in golden_lines("sections.jsonl")
] + [(case["name"], case["text"], case) for case in golden_lines("edge_cases.jsonl")]


def test_golden_holds_80_notes_and_20_edge_cases():
    assert len(GOLDEN_CASES) == 100


@pytest.mark.parametrize("rules", sections.RULES)
@pytest.mark.parametrize("name, text, case", GOLDEN_CASES, ids=[case[0] for case in GOLDEN_CASES])
def test_equals_the_reference(name, text, case, rules):
    expected = case[rules]
    if isinstance(expected, dict):
        with pytest.raises(sections.PublishedRulesError) as raised:
            sections.split_sections(text, rules)
        assert raised.value.reference_error == expected["error"].partition(":")[0]
    else:
        assert sections.split_sections(text, rules) == expected


# A slow version that walks through the reference's passes one by one, each over the whole list.


def slow_is_title(text):
    if not text.endswith(":"):
        return False
    body = re.sub(r"(\([^\)]*?\))", "", text[:-1])
    capitals = [word[0].isupper() for word in body.split() if word not in {"of", "on", "or"}]
    return all(capitals) and body != "Disp"


def slow_header_pass(segment):
    headers = [h for h in re.findall("\n([A-Z][^\n:]+:)", "\n" + segment) if slow_is_title(h)]
    for header in headers:
        before, _, segment = segment.partition(header)
        yield from filter(None, [before.strip()])
        yield header
        segment = segment.strip()
    if segment:
        yield segment.strip()


def slow_list_pass(segment, published):
    first = re.search(r"\n\s*(\d+)\.", "\n" + segment)
    if not first:
        return [segment]
    segment = "\n" + segment
    start = number = int(first[1])
    pattern = r"\n\s*%d." if published else r"\n\s*%d\."
    while re.search(pattern % number, segment):
        number += 1
    items = []
    if number > 1:
        for _ in range(start, number):
            match = re.search(r"\n\s*\d+\.", segment)
            if match is None:
                raise AttributeError
            items.append(segment[: match.start()].strip())
            segment = segment[match.start() :].strip()
    return [item for item in [*items, segment] if item]


def slow_inline_title_pass(segment):
    groups = [[]]
    for line in segment.split("\n"):
        title = re.search("^([a-zA-Z ]+:) ", line)
        if title and slow_is_title(title[1]):
            groups.append([])
        groups[-1].append(line)
    return ["\n".join(group) for group in groups if group]


def slow_joining_pass(segments, published):
    joined = []
    for i, segment in enumerate(segments):
        one_line_answer = (
            i > 0
            and "\n" not in segment
            and slow_is_title(segments[i - 1])
            and not slow_is_title(segment)
        )
        if one_line_answer and (i == len(segments) - 1 or slow_is_title(segments[i + 1])):
            joined = [*joined[:-1], segments[i - 1] + " " + segment]
        elif not one_line_answer or not published:
            joined.append(segment)
    return joined


def slow_ruler(line):
    marks = line.strip()
    if len(marks) < 3 or len(set(marks)) > 1 or marks[0] not in "-_=*~":
        return line
    return line.replace(marks, f"\n\n{marks[0] * 5}\n\n")


def slow_sections(text, rules):
    published = rules == "as_published"
    if published:
        text = re.sub("___+", "\n\n_____\n\n", text)
    else:
        lines = re.split("\r\n|\r|\n", text)
        text = "\n".join(map(slow_ruler, lines))
    text = re.sub("---+", "\n\n-----\n\n", text)
    blocks = re.sub("\n\n+", "\n\n", text).split("\n\n")
    segments = []
    for first, second in (("Admission Date:", "Discharge Date:"), ("Date of Birth:", "Sex:")):
        if not blocks and not published:
            continue
        match = re.match(f"({first}) (.*) ({second}) (.*)", blocks[0])
        if match:
            segments += [group.strip() for group in match.groups()]
            forgotten = blocks[0][match.end() :].strip()
            blocks = ([forgotten] if forgotten and not published else []) + blocks[1:]
    for block in blocks:
        segments += slow_header_pass(block)
    for ruler in ("\n_____\n", "\n-----\n"):
        split = []
        for segment in segments:
            head, *tail = segment.split(ruler)
            split += [head, *(piece for rest in tail for piece in (ruler.strip(), rest))]
        segments = split
    segments = [item for segment in segments for item in slow_list_pass(segment, published)]
    segments = [item for segment in segments for item in slow_inline_title_pass(segment)]
    return slow_joining_pass(segments, published)


FRAGMENT_TABLE = (
    "Admission Date: [**2101-1-1**] Discharge Date: [**2101-1-9**]|Admission Date: x|"
    "Date of Birth: [**2050-1-1**] Sex: M|Service: MED|Past Medical History:|Brief Course|Plan:|"
    "see Plan: here|history of present illness:|Cardiac (pre-op):|Disp:*30*|Disp:|:|():|1. one|"
    "2. two|3.three|10. ten|01. zero|0. none|2 tablets|30 tablets|4 x day|1.5 mg|²2. odd|"
    "٣. arabic|12|1|.| |  |\t|-----|--|_|____|\n|\n\n|\n \n|\r\n|\n-----\n|fine. Next.|"
    "====|  *****|~~~~ |a ___ b|\r|Campus: WEST|  Building: De|A b: c|é:|\u00a0|\u2028|[**Name**]|x"
)
FRAGMENTS = st.sampled_from(FRAGMENT_TABLE.split("|"))
NOTE_TEXTS = st.one_of(
    st.lists(st.one_of(FRAGMENTS, st.just("\n")), max_size=30).map("".join),
    st.lists(FRAGMENTS, max_size=16).map("\n".join),
    st.text(alphabet="Ab:.\n 12-_(D", max_size=60),
    st.text(max_size=60),
)


@pytest.mark.parametrize("rules", sections.RULES)
@hypothesis.given(text=NOTE_TEXTS)
@hypothesis.settings(max_examples=600, deadline=None)
def test_equals_the_slow_version_on_any_text(rules, text):
    try:
        expected = slow_sections(text, rules)
    except (AttributeError, IndexError) as error:
        assert rules == "as_published"
        with pytest.raises(sections.PublishedRulesError) as raised:
            sections.split_sections(text, rules)
        assert raised.value.reference_error == type(error).__name__
    else:
        assert sections.split_sections(text, rules) == expected


def content(text):
    """The characters in order, without white space and rulers."""
    return "".join(re.sub("---+|___+|===+|[*]{3,}|~~~+", "", text).split())


@hypothesis.given(text=NOTE_TEXTS)
@hypothesis.settings(max_examples=1000, deadline=None)
def test_corrected_keeps_every_character_in_order(text):
    kept = "".join(content(section) for section in sections.split_sections(text))
    assert kept == content(text)


@hypothesis.given(text=NOTE_TEXTS)
@hypothesis.settings(deadline=None)
def test_content_length_counts_what_is_neither_white_space_nor_ruler(text):
    assert sections.content_length(text) == len(content(text))


def test_lines_behind_the_admission_line_are_kept():
    text = "Admission Date: a Discharge Date: b\nSeen in clinic.\nDate of Birth: c Sex: F"
    assert sections.split_sections(text) == [
        "Admission Date: a",
        "Discharge Date:",
        "b",
        "Seen in clinic.",
        "Date of Birth: c Sex: F",
    ]
    assert "Seen" not in "".join(sections.split_sections(text + "\n\nx", "as_published"))


def test_as_published_names_the_error_of_a_note_with_only_an_admission_line():
    text = "Admission Date: secret Discharge Date: b"
    with pytest.raises(sections.PublishedRulesError, match="IndexError") as raised:
        sections.split_sections(text, "as_published")
    assert "secret" not in str(raised.value)
    assert sections.split_sections(text) == ["Admission Date: secret", "Discharge Date: b"]


def test_share_of_characters_kept_shows_what_the_published_rules_drop():
    text = "Meds:\nasa\n\nStop heparin\nnow"
    kept = sum(map(sections.content_length, sections.split_sections(text, "as_published")))
    assert (kept, sections.content_length(text)) == (19, 22)


def test_a_number_too_long_to_count_is_no_list():
    text = "1" * 5000 + ". x\ny"
    assert "".join(sections.split_sections(text)).strip() == text


def test_long_notes_take_time_in_proportion():
    # Quadratic searches would take minutes here.
    text = "\n \n" * 100_000 + "1. a\n" * 20_000 + "Plan: b\n" * 20_000
    kept = sum(map(sections.content_length, sections.split_sections(text)))
    assert kept == sections.content_length(text)


def test_unknown_rules_are_refused():
    with pytest.raises(ValueError, match=r"corrected.*as_published.*'exact'"):
        sections.split_sections("x", "exact")


def test_underscores_within_a_line_are_no_ruler():
    assert sections.split_sections("Mr. ___ saw Dr. ____ on ___.\n___\nWell.") == [
        "Mr. ___ saw Dr. ____ on ___.",
        "_____",
        "Well.",
    ]


@pytest.mark.parametrize("mark", "-_=*~—═")
def test_a_line_of_one_mark_is_a_ruler_shortened_to_five(mark):
    text = f"PHYSICAL EXAMINATION\n  {40 * mark} \nVS: stable"
    assert sections.split_sections(text) == ["PHYSICAL EXAMINATION", 5 * mark, "VS: stable"]
    assert sections.content_length(text) == len("PHYSICALEXAMINATIONVS:stable")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_ends_a_line(end):
    text = end.join(["Sex:", "F", "", "Plan:", "rest", "walk"])
    assert sections.split_sections(text) == ["Sex: F", "Plan:", "rest\nwalk"]


def test_chinese_titles_begin_sections():
    text = (
        "主诉：头痛2天。\n现病史：患者头痛，无发热。\n曾服药：无。\n【初步诊断】\n1. 偏头痛\n"
        "2. 高血压\n三、治疗：休息。血压：120/80"
    )
    assert sections.split_sections(text) == [
        "主诉：头痛2天。",
        "现病史：患者头痛，无发热。",
        "曾服药：无。",
        "【初步诊断】",
        "1. 偏头痛",
        "2. 高血压",
        "三、治疗：休息。血压：120/80",
    ]


def test_many_parentheses_take_time_in_proportion():
    # Each of them was searched to the end of the note.
    text = "A" + "(" * 400_000 + ":\nb"
    assert sections.split_sections(text) == [text.replace("\n", " ")]
    assert sections.is_title("Cardiac (pre (op) Exam (a:b):") and not sections.is_title("A) b:")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

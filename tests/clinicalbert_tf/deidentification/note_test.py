"""One note: union, repeats, replacement and the second scan."""

import datetime
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.deidentification.found import Found, union, whole_words
from clinicalbert_tf.deidentification.key_file import restore
from clinicalbert_tf.deidentification.note import Cleaner, find_all, replace
from clinicalbert_tf.deidentification.surrogates import Surrogates

SECRET = bytes(range(32))
NOTE = (
    "Patient Name: Quill, Jane\nMRN: 7654321  DOB: 03/04/1930\n"
    "Ms. Quill is a 92 year old woman, BP 92/50. Seen 2021-03-04 and 2021-04-09 by Dr. Ann Farr. "
    "JANE was well; farr agreed. Call (617) 555-0123."
)


def cleaner(style="placeholder", **settings):
    return Cleaner(style, Surrogates(SECRET), **settings)


def test_placeholders_name_the_type_and_the_rest_stays():
    note = cleaner().clean(NOTE)
    assert note.text == (
        "Patient Name: [**PATIENT**]\nMRN: [**MEDICALRECORD**]  DOB: [**DATE**]\n"
        "Ms. [**PATIENT**] is a [**AGE**] year old woman, BP 92/50. "
        "Seen [**DATE**] and [**DATE**] by Dr. [**DOCTOR**]. [**PATIENT**] was well; "
        "[**DOCTOR**] agreed. Call [**PHONE**]."
    )


def test_what_is_too_short_to_go_everywhere_is_counted():
    assert cleaner().clean(NOTE).left == {"AGE": 1}


SECTIONED = (
    "Name: Ann Quill\n\nMedications:\nper Dr. Farr, 1/5/2023\n\nPlan:\ncall Quill 1/6/2023\n"
)


def test_sections_alone_are_cleaned_and_the_rest_keeps_its_place():
    note = cleaner("asterisks", sections=("medications", "assessment and plan")).clean(SECTIONED)
    assert note.text == (
        "Name: Ann Quill\n\nMedications:\nper Dr. ****, ********\n\nPlan:\ncall ***** ********\n"
    )
    for span in note.replacements:
        assert SECTIONED[span.start : span.end] == span.original
    # The name that stands outside is still there, and counted.
    assert note.left == {"PATIENT": 1} and note.has_sections


def test_a_note_without_such_a_section_stays_and_is_told():
    note = cleaner(sections=("allergies",)).clean(SECTIONED)
    assert (note.text, note.has_sections) == (SECTIONED, False)


def test_asterisks_keep_every_offset():
    note = cleaner("asterisks").clean(NOTE)
    assert len(note.text) == len(NOTE)
    assert all(a == b or a == "*" for a, b in zip(note.text, NOTE, strict=True))


def test_surrogates_differ_from_everything_removed_and_keep_intervals():
    note = cleaner("surrogate").clean(NOTE, "p1")
    assert "[**" not in note.text
    for replacement in note.replacements:
        made = note.text[replacement.start : replacement.end]
        assert made.casefold() != replacement.original.casefold()
    assert not re.search(r"quill|jane|farr", note.text, re.IGNORECASE)
    seen = re.search(r"Seen (\S+) and (\S+) by", note.text)
    first, second = (datetime.date.fromisoformat(d) for d in seen.groups())
    assert (second - first).days == 36
    assert 90 <= int(re.search(r"is a (\d+) year", note.text)[1]) <= 99
    # The same patient in another note: the same names and the same shift.
    again = cleaner("surrogate").clean("Jane Quill, seen 2021-03-04.", "p1")
    other = cleaner("surrogate").clean("Ms. Quill, seen 2021-03-04.", "p1")
    name = re.search(r"Ms\. (\w+)", note.text)[1]
    assert other.text == f"Ms. {name}, seen {first}."
    assert str(first) in again.text


def test_another_patient_or_secret_gives_another_shift():
    one, two = Surrogates(SECRET), Surrogates(bytes(32))
    shifts = {one.shift_days(f"p{i}") for i in range(20)} | {two.shift_days("p0")}
    assert len(shifts) > 15
    assert all(days % 7 == 0 and abs(days) > 366 for days in shifts)


@pytest.mark.parametrize(
    ("label", "text", "form"),
    [
        ("PHONE", "(617) 555-0123", r"\(\d{3}\) \d{3}-\d{4}"),
        ("MEDICALRECORD", "AB-1234", r"[A-Z]{2}-\d{4}"),
        ("EMAIL", "ann.farr@ward.example.net", r"[a-z]{3}\.[a-z]{4}@example\.org"),
        ("ZIP", "02115", r"\d{5}"),
        ("IPADDR", "10.1.2.3", r"192\.0\.2\.\d+"),
        ("DOCTOR", "FARR", r"[A-Z'-]+"),
        ("AGE", "94", r"9\d"),
        ("STREET", "12 Oak Road", r".+\d.*"),
        ("CITY", "Springfield", r".+"),
    ],
)
def test_a_surrogate_has_the_form_of_its_type(label, text, form):
    for patient in map(str, range(30)):
        made = Surrogates(SECRET).replacement(text, label, patient)
        assert re.fullmatch(form, made), made
        assert made != text


def test_a_date_that_is_not_understood_becomes_a_placeholder():
    detector = lambda text: [{"start": 0, "end": 6, "label": "DATE", "probability": 1.0}]
    note = cleaner("surrogate", detector=detector, use_rules=False).clean("Monday morning")
    assert note.text == "[**DATE**] morning"


def test_overlapping_spans_go_as_their_union_and_separate_ones_stay_apart():
    spans = [Found(4, 9, "A"), Found(0, 5, "B"), Found(9, 12, "C"), Found(20, 22, "D")]
    assert [(s.start, s.end, s.label) for s in union(spans)] == [
        (0, 9, "B"), (9, 12, "C"), (20, 22, "D"),
    ]  # fmt: skip


def test_a_cut_word_goes_whole_but_a_chinese_sentence_does_not():
    assert whole_words("Farrell came", Found(0, 4, "X")) == Found(0, 7, "X")
    assert whole_words(" Farr, ", Found(0, 6, "X")) == Found(1, 6, "X")
    text = "患者王小明来院"
    assert whole_words(text, Found(2, 5, "X")) == Found(2, 5, "X")


def test_a_name_is_removed_everywhere_but_not_inside_words_nor_as_a_common_word():
    text = "Dr. Rose Farr. FARR, Farr's, farr; Farrell; a rose, ROSE, Rose."
    found = [text[s.start : s.end] for s in find_all(text)]
    assert found == ["Rose Farr", "FARR", "Farr", "farr", "ROSE", "Rose"]


def test_a_name_is_one_name_with_and_without_accents():
    text = "Mr. Jos\u00e9 Nu\u00f1ez. Later: NUN\u0303EZ, nunez, Jose."
    found = [text[s.start : s.end] for s in find_all(text)]
    assert found == ["Jos\u00e9 Nu\u00f1ez", "NUN\u0303EZ", "nunez", "Jose"]
    made = cleaner("surrogate").clean(text).text
    upper, lower = re.search(r"Later: (\w+), (\w+),", made).groups()
    assert upper.lower() == lower != "nunez"


def test_intervals_stay_in_a_note_that_writes_days_first():
    made = cleaner("surrogate").clean("Seen 05/12/2020 and 25/12/2020.", "p").text
    first, second = (
        datetime.datetime.strptime(d, "%d/%m/%Y") for d in re.findall(r"\d\d/\d\d/\d{4}", made)
    )
    assert (second - first).days == 20


def test_names_are_removed_everywhere_in_text_without_spaces():
    text = "患者王小明，Dr. Quill。王小明说Quill来过。"
    spans = [{"start": 2, "end": 5, "label": "PATIENT", "probability": 1.0}]
    clean = cleaner(detector=lambda text: spans).clean(text).text
    assert clean == "患者[**PATIENT**]，Dr. [**DOCTOR**]。[**PATIENT**]说[**DOCTOR**]来过。"


def test_particles_and_spoken_ages_get_surrogates_too():
    text = "Mrs. Ann van der Quill is ninety-two years old."
    made = cleaner("surrogate").clean(text).text
    assert re.fullmatch(r"Mrs\. \w+ van der \w+ is ninety-\w+ years old\.", made)
    assert not re.search("Quill|Ann|two", made)


def test_a_code_is_removed_everywhere_whatever_stands_before_it():
    text = "MRN 00-12-34. Later: 00-12-34, 100-12-345."
    assert cleaner().clean(text).text == (
        "MRN [**MEDICALRECORD**]. Later: [**MEDICALRECORD**], 100-12-345."
    )


def test_a_place_of_one_word_is_removed_again_with_its_capital():
    spans = [{"start": 5, "end": 10, "label": "CITY", "probability": 1.0}]
    text = "From Burke. Burke, burke; Burkes."
    clean = cleaner(detector=lambda text: spans).clean(text).text
    assert clean == "From [**CITY**]. [**CITY**], burke; Burkes."


def test_existing_placeholders_stay():
    text = "[**Known lastname 1234**] seen 3/4/2020 by Dr. Known."
    clean = cleaner().clean(text).text
    assert clean == "[**Known lastname 1234**] seen [**DATE**] by Dr. [**DOCTOR**]."


def test_the_model_and_its_thresholds():
    spans = [
        {"start": 0, "end": 4, "label": "PATIENT", "probability": 0.4},
        {"start": 10, "end": 15, "label": "CITY", "probability": 0.4},
    ]
    settings = {"detector": lambda text: spans, "use_rules": False}
    text = "Wilm from Bruges"
    assert cleaner(**settings).clean(text).text == "[**PATIENT**] from [**CITY**]"
    note = cleaner(**settings, thresholds={"PATIENT": 0.5, "CITY": 0.4}).clean(text)
    assert note.text == "Wilm from [**CITY**]"


def test_a_span_outside_the_text_is_refused():
    detector = lambda text: [{"start": 0, "end": 99, "label": "X", "probability": 1.0}]
    with pytest.raises(ValueError, match="within the 4 characters"):
        cleaner(detector=detector).clean("text")


@pytest.mark.parametrize("style", ["placeholder", "surrogate", "asterisks"])
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["Dr. Quill", "quill", "3/4/2020", "MRN 1234567", "1234567", "a.b@example.net", "well",
             "BP 92/50", "92 yo", "\n", ". ", "Ms. May", "may", "(617) 555-0123",
             "é", "\u3000", "[**X**]"]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_the_key_restores_every_note_and_no_long_text_is_left(style, words):
    text = " ".join(words)
    note = cleaner(style).clean(text, "p")
    key = [[r.start, r.end, r.original] for r in note.replacements]
    assert restore(note.text, key) == text
    made = {i for r in note.replacements for i in range(r.start, r.end)}
    for removed in ("Quill", "quill", "1234567", "3/4/2020", "a.b@example.net"):
        if any(r.original == removed for r in note.replacements):
            for match in re.finditer(rf"\b{re.escape(removed)}\b", note.text):
                assert match.start() in made


def test_replace_of_nothing():
    assert replace("text", [], lambda span, original: "").text == "text"


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="style"):
        Cleaner("blank")
    with pytest.raises(ValueError, match="secret"):
        Cleaner("surrogate")
    with pytest.raises(ValueError, match="16 bytes"):
        Surrogates(b"short")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicalbert_tf.texts.words import WORD_RULES, rule_of, split_words

TEXTS = st.text(
    st.one_of(
        st.sampled_from("ab1 .,-/\n\r\t\u00a0\u0301\u200b\ufeffé𝒜中_%"),
        st.characters(),
    ),
    max_size=60,
)
LINE = "Na+ 61-year-old, 5mg on 3/17/97."


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(WORD_RULES))
def test_words_hold_every_character_that_is_no_white_space_once(text, rule):
    words = list(split_words(text, rule))
    places = [place for start, end in words for place in range(start, end)]
    assert places == sorted(set(places))
    assert [p for p, char in enumerate(text) if not char.isspace()] == places
    assert all(text[start:end] and not text[start].isspace() for start, end in words)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_each_rule_divides_the_words_of_a_coarser_one(text):
    ends = {rule: {end for span in split_words(text, rule) for end in span} for rule in WORD_RULES}
    assert ends["whitespace"] <= ends["edges"] <= ends["punctuation"]
    assert ends["whitespace"] <= ends["clinical"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("whitespace", "Na+ 61-year-old, 5mg on 3/17/97."),
        ("edges", "Na + 61-year-old , 5mg on 3/17/97 ."),
        ("punctuation", "Na + 61 - year - old , 5mg on 3 / 17 / 97 ."),
        ("clinical", "Na + 61 - year - old , 5 mg on 3/17/97 ."),
    ],
)
def test_words_of_each_rule(rule, expected):
    assert " ".join(LINE[a:b] for a, b in split_words(LINE, rule)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5mg/dl 10,000units B12 q6h", "1.5 mg / dl 10,000 units B12 q6h"),
        ("seen 2091-06-02, 7/21-7/22 and 12:30", "seen 2091-06-02 , 7/21 - 7/22 and 12 : 30"),
        ("64yo 3x/day 5mgs", "64 yo 3 x / day 5mgs"),
    ],
)
def test_clinical_rule_divides_units_and_keeps_dates_and_numbers(text, expected):
    assert " ".join(text[a:b] for a, b in split_words(text, "clinical")) == expected


def test_accents_stay_with_their_letter_and_chinese_is_divided():
    text = "Me\u0301nie\u0300re 胸痛"
    assert [text[a:b] for a, b in split_words(text)] == ["Me\u0301nie\u0300re", "胸", "痛"]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["Parkinson", "'", "s", "disease", ",", "5"] * 50, "punctuation"),
        (["61-year-old", "man", ",", "aspirin/clopidogrel", "."] * 50, "edges"),
        (["man,", "with", "pain."] * 50, "whitespace"),
        ([*["word"] * 999, "a-b"], "punctuation"),
    ],
)
def test_rule_of_data_that_is_in_words(words, rule):
    assert rule_of(words) == rule


def test_unknown_rule():
    with pytest.raises(ValueError, match="whitespace, edges, punctuation, clinical"):
        split_words("a", "spaces")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Cleaning that loses no number and no word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.datasets.readmission.cleaning import clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Temp 98.6\nK 4.0.", "temp 98.6 k 4.0."),
        ("98.6 was the temperature", "98.6 was the temperature"),
        ("1. Aspirin\n 12. Insulin\n2.5 mg daily", "aspirin insulin 2.5 mg daily"),
        ("at 1. rest", "at 1. rest"),
        ("Dr. Hydr. M.D.", "doctor hydr. md"),
        ("seen by [**Last Name (STitle)\n 12**] today", "seen by today"),
        ("a [open bracket and [x] y", "a [open bracket and [x] y"),
        ("Admission  Date: [**2101-1-1**]  Discharge Date:   x", "x"),
        ("a\r\n----- b ___ c == d - e", "a b c d - e"),
    ],
)
def test_only_layout_goes(text, cleaned):
    assert clean(text, lower_case=True) == cleaned


def test_case_stays_for_cased_models():
    assert clean("Pt. With CHF", lower_case=False) == "Pt. With CHF"


@given(st.lists(st.from_regex(r"[a-zA-Z]{1,8}|[0-9]{1,3}\.[0-9]", fullmatch=True), min_size=1))
def test_words_and_decimals_all_stay(words):
    assert clean("x " + " ".join(words), lower_case=False).split() == ["x", *words]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

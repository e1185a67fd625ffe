"""Shifted dates keep their form and their distances."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicalbert_tf.deidentification import dates

# 10 days later, in the same form.
SHIFTED = [
    ("2021-03-04", "2021-03-14"),
    ("03/04/1931", "03/14/1931"),
    ("3/4/31", "3/14/31"),
    ("12/25/2020", "01/04/2021"),
    ("12.25.99", "01.04.00"),
    ("25/12/2020", "04/01/2021"),
    ("20210304", "20210314"),
    ("January 25th, 2023", "February 4th, 2023"),
    ("JAN 5 2023", "JAN 15 2023"),
    ("5 Jan 2023", "15 Jan 2023"),
    ("25-Dec-2022", "04-Jan-2023"),
    ("05JAN2023", "15JAN2023"),
    ("3rd of March", "13th of March"),
    ("March 25", "April 4"),
    ("March 2019", "March 2019"),
    ("3/4", "3/14"),
    ("2019", "2019"),
    ("2/29", "3/10"),
]


@pytest.mark.parametrize(("before", "after"), SHIFTED)
def test_shift_keeps_the_form(before, after):
    assert dates.shift(before, 10) == after


@pytest.mark.parametrize("text", ["Monday", "13/13/2020", "2021-02-30", "", "soon"])
def test_what_is_no_date_has_no_shift(text):
    assert dates.shift(text, 10) is None


def test_a_note_with_25_12_reads_5_12_as_december_too():
    assert dates.are_day_first(["05/12/2020", "25/12/2020", "soon", "2020-12-05"])
    assert not dates.are_day_first(["05/12/2020", "12/05/20"])
    assert not dates.are_day_first(["25/12/2020", "12/25/2020"])
    assert dates.shift("05/12/2020", 20, day_first=True) == "25/12/2020"
    assert dates.shift("5.12.20", 20, day_first=True) == "25.12.20"
    assert dates.shift("5/12", 20, day_first=True) == "25/12"
    assert dates.shift("5/13/2020", 1, day_first=True) == "5/14/2020"


def test_a_date_outside_the_calendar_has_no_shift():
    assert dates.shift("1800-01-05", -3_000_000) is None


def parse(text, form):
    # May is short and long at once: what stands in its place is long.
    try:
        return datetime.datetime.strptime(text, form).date()
    except ValueError:
        return datetime.datetime.strptime(text, form.replace("%b", "%B")).date()


FORMS = ("%Y-%m-%d", "%m/%d/%Y", "%B %d, %Y", "%d %b %Y", "%Y%m%d", "%b %d %Y")


@given(
    st.dates(datetime.date(1900, 1, 1), datetime.date(2090, 1, 1)),
    st.dates(datetime.date(1900, 1, 1), datetime.date(2090, 1, 1)),
    st.integers(-3600, 3600),
    st.sampled_from(FORMS),
)
def test_intervals_stay(first, second, days, form):
    moved = [parse(dates.shift(d.strftime(form), days), form) for d in (first, second)]
    assert moved[1] - moved[0] == second - first


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2090, 1, 1)), st.sampled_from(FORMS))
def test_every_form_is_found_in_a_sentence(date, form):
    text = f"Seen {date.strftime(form)} again."
    start, end = max(dates.find(text), key=lambda span: span[1] - span[0])
    assert text[start:end] == date.strftime(form)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Flags and ids as other programs export them."""

import decimal

import pytest

from tfrecords_builder.exported_cells import flag_of, known_id, normal_id


@pytest.mark.parametrize(
    "value", ["1", "1.0", "1,0", "-1", "T", " true ", "VRAI", b"\x01", 1, True]
)
def test_set(value):
    assert flag_of(value) is True


@pytest.mark.parametrize(
    "value", [None, "", "0", "0.0", "f", "FALSCH", "NaN", "\\N", b"\x00", 0, False, float("nan")]
)
def test_not_set(value):
    assert flag_of(value) is False


@pytest.mark.parametrize("value", ["perhaps", "2", "10", "yes no"])
def test_neither(value):
    assert flag_of(value) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("12", "12"),
        (" 12.0 ", "12"),
        ("01", "01"),
        ("A.0", "A.0"),
        (12.0, "12"),
        (decimal.Decimal("12"), "12"),
        (b"12", "12"),
        ("", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_an_id_has_one_spelling(value, found):
    assert normal_id(value) == known_id(value) == found


@pytest.mark.parametrize("word", ["NULL", "nan", "\\N", "<NA>", "[null]"])
def test_words_for_no_value_are_ids_only_where_one_must_be(word):
    assert normal_id(word) == word
    assert known_id(word) is None


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

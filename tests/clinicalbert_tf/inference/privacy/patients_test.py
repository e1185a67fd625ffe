import pytest

from clinicalbert_tf.inference.privacy.patients import Patient, read_patients, with_mentions

CSV = """first_name,last_name,gender,conditions,mentions
Ada,Norwood,F,asthma; gout ;asthma,2
Bo,de la Cruz,,NA,0
"""
EXPECTED = [
    Patient("Ada", "Norwood", ("asthma", "gout"), "F", 2),
    Patient("Bo", "de la Cruz", ("NA",), "", 0),
]


def test_a_table_is_read_as_csv_and_as_json_lines(tmp_path):
    table, lines = tmp_path / "p.csv", tmp_path / "p.jsonl"
    table.write_text(CSV)
    lines.write_text(
        '{"first_name": "Ada", "last_name": "Norwood", "gender": "f", "mentions": 2, '
        '"conditions": ["asthma", "gout"]}\n\n'
        '{"first_name": "Bo", "last_name": "de la Cruz", "conditions": "NA", "mentions": "0"}\n'
    )
    assert read_patients(str(table)) == EXPECTED
    assert read_patients(str(lines)) == EXPECTED
    assert EXPECTED[0].titled_name == "Mrs Ada Norwood"
    assert EXPECTED[1].titled_name == "Bo de la Cruz"
    assert "Norwood" not in repr(EXPECTED[0])


def test_mentions_are_counted_in_notes_unless_the_table_says_them():
    patients = [
        Patient("Ada", "Norwood", ()),
        Patient("Bo", "de la Cruz", ()),
        Patient("Cy", "Norwood", ()),
        Patient("Di", "Ash", (), mentions=7),
    ]
    texts = [
        "ADA\nNorwood, seen with Bo de la Cruz. Mr. Cy met Norwood.",
        "Ada Norwood; Di Ash",
        "",
    ]
    assert [one.mentions for one in with_mentions(patients, texts)] == [2, 1, 0, 7]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("first_name,last_name\nAda,Norwood\n", "received none of the name conditions"),
        (
            "first_name,last_name,conditions\nAda,,gout\n",
            "line 2: expected first_name and last_name",
        ),
        (CSV.replace(",2", ",-2"), "line 2: expected mentions to be a number of at least 0"),
        ("first_name,last_name,conditions\n", "expected patients, received none"),
    ],
)
def test_what_is_no_patient_is_named_by_its_line(tmp_path, content, message):
    path = tmp_path / "p.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as raised:
        read_patients(str(path))
    assert "Ada" not in str(raised.value) and str(path) in str(raised.value)


def test_conditions_that_are_a_number_are_named_and_whole_floats_are_mentions(tmp_path):
    path = tmp_path / "p.jsonl"
    row = '{"first_name": "Ada", "last_name": "Norwood", "mentions": 3.0, "conditions": '
    path.write_text(row + "null}\n" + row + "NaN}\n")
    with pytest.raises(ValueError, match="line 2: expected conditions to be a text or a list"):
        read_patients(str(path))
    path.write_text(row + "null}\n")
    assert read_patients(str(path)) == [Patient("Ada", "Norwood", (), mentions=3)]


def test_a_line_that_is_no_object_is_named(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"first_name": "Ada", "last_name": "Norwood"}\n[1]\n')
    with pytest.raises(ValueError, match="line 2"):
        read_patients(str(path))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

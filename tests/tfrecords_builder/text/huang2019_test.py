"""The pretraining text of Huang et al. 2019: cleaning and sentences equal the notebook's."""

import csv
import json

import pytest

from tests.support import GOLDEN
from tfrecords_builder import format_notes, segment
from tfrecords_builder.text import huang2019
from tfrecords_builder.text.cutting import cut_note

pytest.importorskip("spacy")
EXPECTED = GOLDEN / "readmission" / "pretrain_text" / "expected"
NOTES = GOLDEN / "readmission" / "input" / "NOTEEVENTS.csv"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Temp 98.6\nK 4.0.", "temp 6 k "),
        ("Dr. Hydr. M.D.", "doctor hydoctor md"),
        ("a [**x [y] z**] b", "a  z**] b"),
        ("a --- b ==== c", "a - b  c"),
        ("Admission Date:  x Admission  Date:", "  x admission  date:"),
    ],
)
def test_cleaning_has_the_references_quirks(text, cleaned):
    assert huang2019.clean(text) == cleaned


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The documents that format_notes writes with the reference's categories and excluded stays."""
    folder = tmp_path_factory.mktemp("huang2019")
    excluded = folder / "excluded.txt"
    given = (GOLDEN / "readmission" / "pretrain_text" / "input" / "test.csv").read_text()
    excluded.write_text(given.split("\n", 1)[1])
    format_notes.format_notes(
        format_notes.FormatSettings(
            input=(str(NOTES),),
            output_dir=str(folder / "sentences"),
            sentences="huang2019",
            categories=("Nursing", "Physician"),
            exclude_admissions=str(excluded),
        )
    )
    # A file per category.
    files = [path.read_text() for path in sorted((folder / "sentences").glob("*.txt"))]
    documents = [document for text in files for document in text.strip("\n").split("\n\n")]
    return [document.split("\n") for document in documents]


@pytest.fixture(scope="module")
def expected():
    """The reference's documents in any order, except what is read otherwise here."""
    with NOTES.open(newline="") as file:
        notes = {row["ROW_ID"]: row for row in csv.DictReader(file)}
    documents = []
    for line in (EXPECTED / "pretrain_notes.jsonl").open():
        row = json.loads(line)
        note = notes[str(row["ROW_ID"])]
        # The reference's table reader takes "N/A" for a missing text; ISERROR it does not read.
        if note["TEXT"] == "N/A":
            assert not row["sentences"]
            documents.append(["n/a"])
        elif note["ISERROR"] != "1" and row["sentences"]:
            documents.append(row["sentences"])
    assert len(documents) == 90
    return documents


def test_sentences_of_every_note_equal_the_references(written, expected):
    assert sorted(written) == sorted(expected)


def test_expected_sentences_are_those_of_the_references_file(expected):
    lines = set((EXPECTED / "clinical_sentences_pretrain.txt").read_text().split("\n"))
    assert {line for document in expected for line in document} - lines == {"n/a"}


def test_what_digits_and_short_sentences_become():
    text = "Seen.\nT 98.6 was measured today. No. He went home at 10."
    cut = cut_note(text, "corrected", "huang2019")
    assert cut.lines == ["seen.", "t was measured today. no. he went home at"]
    assert cut.characters_kept < cut.characters_read


def test_sections_of_a_note_are_not_cut():
    assert cut_note("Meds:\naspirin\n\nPlan:\nrest at home", "corrected", "huang2019").lines == [
        "meds: aspirin plan: rest at home"
    ]


def test_places_in_the_note_cannot_be_given(tmp_path):
    with pytest.raises(ValueError, match="huang2019, which changes the text"):
        segment.segment_notes(
            segment.SegmentSettings(output=str(tmp_path / "o.jsonl"), sentences="huang2019")
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

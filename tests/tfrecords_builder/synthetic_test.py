"""Invented notes: the table's layout, the kinds, and the same bytes for the same seed."""

import collections
import csv
import gzip
import json
import os
import re
import shlex
import stat
import subprocess
import sys

import pytest

from tests.support import ROOT
from tfrecords_builder import synthetic
from tfrecords_builder.invention.synthetic_themes import THEMES
from tfrecords_builder.text import sections, sentences

COLUMNS = (
    "ROW_ID SUBJECT_ID HADM_ID CHARTDATE CHARTTIME STORETIME CATEGORY DESCRIPTION CGID ISERROR TEXT"
)


def test_rows_have_the_columns_of_noteevents():
    rows = list(synthetic.generate_notes(30, seed=1))
    assert [row["ROW_ID"] for row in rows] == [str(number) for number in range(1, 31)]
    assert {" ".join(row) for row in rows} == {COLUMNS}
    assert all(isinstance(value, str) for row in rows for value in row.values())


def test_same_seed_gives_the_same_notes_and_fewer_are_the_beginning_of_more():
    many = list(synthetic.generate_notes(60, seed=5))
    assert list(synthetic.generate_notes(40, seed=5)) == many[:40]
    assert list(synthetic.generate_notes(60, seed=6)) != many


def test_all_kinds_of_note_are_there_with_the_tables_odd_blanks():
    kinds = collections.Counter(row["CATEGORY"] for row in synthetic.generate_notes(400, seed=7))
    assert set(kinds) == {
        "Discharge summary",
        "Nursing/other",
        "Nursing",
        "Radiology",
        "ECG",
        "Echo",
        "Physician ",
        "Respiratory ",
    }
    assert min(kinds.values()) >= 10


def test_some_rows_are_errors_and_some_are_empty():
    rows = list(synthetic.generate_notes(500, seed=7))
    errors = [row["ROW_ID"] for row in rows if row["ISERROR"] == "1"]
    assert errors == ["41", "138", "235", "332", "429"]
    assert [row["ROW_ID"] for row in rows if not row["TEXT"]] == ["107", "318"]


def test_patients_have_several_notes_and_some_have_several_stays():
    stays = collections.defaultdict(set)
    for row in synthetic.generate_notes(500, seed=7):
        if row["HADM_ID"]:
            stays[row["SUBJECT_ID"]].add(row["HADM_ID"])
    counts = collections.Counter(len(admissions) for admissions in stays.values())
    assert counts[1] > 1
    assert sum(counts[number] for number in (2, 3)) > 1


def test_notes_hold_what_the_builder_must_cope_with():
    text = "\n".join(row["TEXT"] for row in synthetic.generate_notes(300, seed=7))
    for pattern in (
        r"\[\*\*2\d\d\d-\d+-\d+\*\*\]",
        r"\[\*\*Last Name",
        r"\nDischarge Medications:\n1\. .*\nDisp:",
        r"\n1\. .*\n2\. .*\n3\. ",
        r"BLOOD WBC-\d",
        r"\n ?_{70,}\n",
        r"\nPt\. ",
    ):
        assert re.search(pattern, text), pattern
    # No slot of a template is left unfilled.
    assert not re.search("[{}|]", text)
    prose = [line for line in text.split("\n") if 60 < len(line) <= 70]
    assert len(prose) > 1000


def test_a_note_speaks_about_the_theme_of_its_stay():
    drugs = {theme.name: {drug[0].lower() for drug in theme.drugs} for theme in THEMES}
    matching = other = 0
    for row in synthetic.generate_notes(400, seed=7):
        match = re.search(r"Primary: (.*)\n", row["TEXT"])
        if match:
            text = row["TEXT"].lower()
            for name, names in drugs.items():
                found = sum(drug in text for drug in names - drugs[match[1]])
                matching += sum(drug in text for drug in names) if name == match[1] else 0
                other += found if name != match[1] else 0
    assert matching > 100
    assert other * 10 < matching


def test_thousands_of_different_sentences():
    found = {
        sentence
        for row in synthetic.generate_notes(500, seed=7)
        for section in sections.split_sections(row["TEXT"])
        for sentence in sentences.split_sentences(section)
    }
    assert len(found) > 4000


@pytest.mark.parametrize("name", ["NOTEEVENTS.csv", "NOTEEVENTS.csv.gz"])
def test_file_is_the_same_byte_for_byte_and_holds_the_rows(tmp_path, name):
    paths = [tmp_path / "a" / name, tmp_path / "b" / ("other_" + name)]
    for path in paths:
        characters = synthetic.write_noteevents(str(path), 120, seed=3)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    opened = gzip.open if name.endswith(".gz") else open
    with opened(paths[0], "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == list(synthetic.generate_notes(120, seed=3))
    assert characters == sum(len(row["TEXT"]) for row in rows)
    assert stat.S_IMODE(os.stat(paths[0]).st_mode) == 0o600
    assert os.listdir(paths[0].parent) == [name]


def test_other_endings_and_negative_counts_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.csv or \.csv\.gz, received .*notes\.txt"):
        synthetic.write_noteevents(str(tmp_path / "notes.txt"), 1, seed=1)
    with pytest.raises(ValueError, match="received -1"):
        synthetic.generate_notes(-1, seed=1)


def run_command(*flags, cwd):
    command = [sys.executable, "-m", "tfrecords_builder.synthetic", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_command_writes_the_file_and_says_what_next(tmp_path):
    done = run_command("--notes=20", "--seed=9", "--output=x.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Wrote 20 invented notes" in done.stdout
    assert "python -m tfrecords_builder --input=x.csv --vocab_file=vocab.txt " in done.stdout
    synthetic.write_noteevents(str(tmp_path / "y.csv"), 20, seed=9)
    assert (tmp_path / "x.csv").read_bytes() == (tmp_path / "y.csv").read_bytes()


def test_next_commands_work_as_printed_in_folders_with_blanks(tmp_path):
    folder = tmp_path / "my notes"
    folder.mkdir()
    done = run_command("--notes=20", f"--output={folder}/invented notes.csv", cwd=folder)
    commands = [shlex.split(line) for line in done.stdout.split("Next:\n")[1].splitlines()]
    modules = ["tfrecords_builder.vocabulary", "tfrecords_builder"]
    assert [command[:3] for command in commands] == [["python", "-m", name] for name in modules]
    for _, *arguments in commands:
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
    manifest = json.loads((folder / "records" / "manifest.json").read_text())
    assert manifest["counts"]["notes"]["read"] == 20


def test_command_names_flags_and_refuses_a_wrong_ending(tmp_path):
    shown = run_command("--help", cwd=tmp_path).stdout
    assert all(flag in shown for flag in ("--notes", "--seed", "--output"))
    failed = run_command("--output=x.txt", cwd=tmp_path)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "received x.txt" in failed.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

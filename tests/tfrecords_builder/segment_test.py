"""The command: sections of notes of every source as JSON lines."""

import csv
import json
import os
import pathlib
import stat
import subprocess
import sys

import pytest

from tests.support import ROOT
from tfrecords_builder.segment import SegmentSettings, segment_notes

TEXTS = {
    "a": "HPI: Ms. ___ fell.\r\nShe has pain. No fever.\r\nPlan:\r\nrest",
    "b": " \n",
    "c": "no title",
}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "discharge.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["note_id", "subject_id", "hadm_id", "note_type", "text"])
        rows.writerows([name, "7", "", "DS", text] for name, text in TEXTS.items())
    return str(path)


def read(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text("utf-8").splitlines()]


def test_each_section_is_a_line_with_places_in_the_original_text(table, tmp_path):
    output = str(tmp_path / "sections.jsonl")
    counts = segment_notes(SegmentSettings(output, (table,), sentences="rules"))
    lines = read(output)
    assert [(line["note_id"], line["section"], line["kind"]) for line in lines] == [
        ("a", 0, "history of present illness"),
        ("a", 1, "assessment and plan"),
        ("c", 0, "untitled"),
    ]
    for line in lines:
        text = TEXTS[line["note_id"]]
        assert text[line["start"] : line["end"]] == line["text"]
        assert (line["subject_id"], line["category"]) == ("7", "Discharge summary")
        assert "hadm_id" not in line
    found = [TEXTS["a"][one["start"] : one["end"]] for one in lines[0]["sentences"]]
    assert found == ["HPI:", "Ms. ___ fell.", "She has pain.", "No fever."]
    assert (counts.notes.read, counts.notes.empty, counts.unaccounted) == (3, 1, 0)
    assert counts.characters == len(TEXTS["a"]) + len(TEXTS["c"])
    assert stat.S_IMODE(os.stat(output).st_mode) == 0o600


def test_kinds_and_text_can_be_left_out(table, tmp_path):
    output = str(tmp_path / "sections.jsonl")
    settings = SegmentSettings(output, (table,), kinds=("Assessment_and_plan",), text=False)
    assert segment_notes(settings).sections == {"assessment and plan": 1}
    (line,) = read(output)
    assert "text" not in line and "sentences" not in line and line["title"] == "Plan"


def test_command(table, tmp_path):
    def run(*flags):
        return subprocess.run(
            [sys.executable, "-m", "tfrecords_builder.segment", *flags],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )

    ran = run(f"--input={table}", "--sentences", "--output=s.jsonl")
    assert ran.returncode == 0, ran.stderr
    assert "Divided 2 notes into 3 sections; 0 of " in ran.stdout
    assert len(read(tmp_path / "s.jsonl")) == 3
    ran = run(f"--input={table}", "--kinds=weather")
    assert ran.returncode == 1 and ran.stderr.startswith("Error: Expected kinds of section among")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

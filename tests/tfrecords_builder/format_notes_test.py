"""The reference's sentence files, one a category, from golden and from invented notes."""

import contextlib
import csv
import fcntl
import json
import os
import pathlib
import shlex
import sqlite3
import stat
import subprocess
import sys

import pytest

from tests.support import ROOT
from tfrecords_builder import files, format_notes
from tfrecords_builder.format_notes import FormatSettings
from tfrecords_builder.schema import Note
from tfrecords_builder.text import sections, sentences

GOLDEN_NOTES = ROOT / "tests" / "golden" / "notes" / "NOTEEVENTS.csv"
HEADER = "ROW_ID,SUBJECT_ID,HADM_ID,CATEGORY,ISERROR,TEXT\n"


def documents(path):
    """The documents of a sentence file: lists of lines."""
    content = path.read_text(encoding="utf-8")
    assert content.endswith("\n\n")
    return [document.split("\n") for document in content[:-2].split("\n\n")]


def test_golden_notes_become_one_document_each_in_their_categorys_file(tmp_path):
    output_dir = tmp_path / "out"
    counts = format_notes.format_notes(FormatSettings(str(output_dir), (str(GOLDEN_NOTES),)))
    with open(GOLDEN_NOTES, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = {}
    for row in rows:
        lines = [
            sentence
            for section in sections.split_sections(row["TEXT"])
            for sentence in sentences.split_sentences(section)
        ]
        name = row["CATEGORY"].strip().replace("/", "_").replace(" ", "_") + ".txt"
        expected.setdefault(name, []).append(lines)
    assert set(os.listdir(output_dir)) == {*expected, "counts.json"}
    for name, expected_documents in expected.items():
        assert documents(output_dir / name) == expected_documents
        assert stat.S_IMODE((output_dir / name).stat().st_mode) == 0o600
    assert counts.written == {name: len(found) for name, found in expected.items()}
    assert counts.written["Nursing_other.txt"] == 17
    assert counts.content_kept == counts.content_read


def test_notes_on_which_the_published_rules_fail_are_named_by_row(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    path.write_text(
        HEADER
        + "7,1,1,ECG,,Admission Date: a Discharge Date: secret\n8,1,1,ECG,,Sinus rhythm.\n"
        + '9,1,1,Echo,,"Meds:\nasa\n\nStop heparin\nnow"\n',
        encoding="utf-8",
    )
    output_dir = tmp_path / "out"
    settings = FormatSettings(str(output_dir), (str(path),), sections="as_published")
    counts = format_notes.format_notes(settings)
    failed = [{"note_id": "7", "reason": "sections=as_published: IndexError"}]
    assert counts.failed_notes == failed
    assert documents(output_dir / "ECG.txt") == [["Sinus rhythm."]]
    report = (output_dir / "counts.json").read_text(encoding="utf-8")
    assert "secret" not in report
    report = json.loads(report)
    assert report["failed_notes"] == failed
    assert (report["content_read"], report["content_kept"]) == (35 + 12 + 22, 12 + 19)
    assert report["notes"]["read"] == 3


def test_filters_and_odd_category_names(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    rows = "1,1,1,../ECG,,a\n2,1,1,ECG,,b\n3,1,1,,,c\n4,2,2,ECG,,d\n5,1,3,ecg,,e\n6,1,1,Echo,,f\n"
    path.write_text(HEADER + rows, encoding="utf-8")
    (tmp_path / "subjects.txt").write_text("2\n")
    (tmp_path / "admissions.txt").write_text("3\n")
    output_dir = tmp_path / "out"
    counts = format_notes.format_notes(
        FormatSettings(
            str(output_dir),
            (str(path),),
            categories=("../ECG", "ECG", ""),
            exclude_subjects=str(tmp_path / "subjects.txt"),
            exclude_admissions=str(tmp_path / "admissions.txt"),
        )
    )
    assert counts.written == {"ECG.txt": 1, "ECG_2.txt": 1, "uncategorised.txt": 1}
    assert documents(output_dir / "ECG_2.txt") == [["b"]]
    assert counts.notes.filtered == {
        "excluded_subject": 1,
        "excluded_admission": 1,
        "other_category": 1,
    }


def test_ids_that_met_no_note_are_counted_and_none_is_in_the_report(tmp_path):
    (tmp_path / "notes.csv").write_text(HEADER + "1,7654321,1,ECG,,a\n2,5,1,ECG,,b\n")
    (tmp_path / "ids.txt").write_text("7654321\n8765432\n")
    flags = ("--input=notes.csv", "--exclude_subjects=ids.txt", "--output_dir=out")
    done = run_command(*flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of the 2 ids of --exclude_subjects met no note" in done.stderr
    report = (tmp_path / "out" / "counts.json").read_text()
    assert json.loads(report)["notes"]["filtered"] == {"excluded_subject": 1}
    assert not any(subject in report + done.stderr for subject in ("7654321", "8765432"))


def test_folder_that_holds_files_is_refused(tmp_path):
    (tmp_path / "ECG.txt").write_text("old")
    with pytest.raises(FileExistsError, match="which holds files"):
        format_notes.format_notes(FormatSettings(str(tmp_path)))
    assert (tmp_path / "ECG.txt").read_text() == "old"


def killed_run(output_dir):
    """What a run leaves that is killed before any file has its name."""
    output_dir.mkdir()
    for name in ("Nursing_other.txt", "ECG_2.txt", "counts.json"):
        path = files.temporary_name(str(output_dir / name))
        pathlib.Path(path).write_text("text of a note", encoding="utf-8")
    return sorted(os.listdir(output_dir))


def test_what_a_killed_run_left_is_removed_when_it_starts_again(tmp_path):
    killed_run(tmp_path / "out")
    format_notes.format_notes(FormatSettings(str(tmp_path / "out"), (str(GOLDEN_NOTES),)))
    format_notes.format_notes(FormatSettings(str(tmp_path / "new"), (str(GOLDEN_NOTES),)))
    assert sorted(os.listdir(tmp_path / "out")) == sorted(os.listdir(tmp_path / "new"))
    assert (tmp_path / "out" / "ECG.txt").exists()


@pytest.mark.parametrize("name", [".ECG.txt.tmp-1", ".notes.csv.tmp-" + "0" * 32, ".hidden"])
def test_other_hidden_files_are_nobodys_leftovers(name, tmp_path):
    left = killed_run(tmp_path / "out")
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(FileExistsError, match="which holds files"):
        format_notes.format_notes(FormatSettings(str(tmp_path / "out"), (str(GOLDEN_NOTES),)))
    assert sorted(os.listdir(tmp_path / "out")) == sorted([*left, name])


def test_files_of_a_run_that_goes_on_are_no_leftovers(tmp_path):
    left = killed_run(tmp_path / "out")
    settings = FormatSettings(str(tmp_path / "out"), (str(GOLDEN_NOTES),))
    descriptor = os.open(tmp_path / "out", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(RuntimeError, match=r"another process writes into. Wait for it"):
            format_notes.format_notes(settings)
        assert sorted(os.listdir(tmp_path / "out")) == left
        failed = run_command(f"--input={GOLDEN_NOTES}", "--output_dir=out", cwd=tmp_path)
        assert (failed.returncode, "Traceback" in failed.stderr) == (1, False)
    finally:
        os.close(descriptor)
    assert format_notes.format_notes(settings).notes.read == 80


def test_a_folder_that_cannot_be_locked_is_written(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    settings = FormatSettings(str(tmp_path / "out"), (str(GOLDEN_NOTES),))
    assert format_notes.format_notes(settings).notes.read == 80


def test_damaged_input_leaves_no_files(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    path.write_text(HEADER + "1,1,1,ECG,,a\n2,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 2"):
        format_notes.format_notes(FormatSettings(str(tmp_path / "out"), (str(path),)))
    assert os.listdir(tmp_path / "out") == []


def test_more_categories_than_files_can_be_open(tmp_path):
    path = tmp_path / "NOTEEVENTS.csv"
    rows = "".join(f"{number},1,1,kind {number},,a\n" for number in range(1, 202))
    path.write_text(HEADER + rows, encoding="utf-8")
    with pytest.raises(ValueError, match="at most 200 categories"):
        format_notes.format_notes(FormatSettings(str(tmp_path / "out"), (str(path),)))


def run_command(*flags, cwd):
    return subprocess.run(
        [sys.executable, "-m", "tfrecords_builder.format_notes", *flags],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_without_input_writes_invented_notes(tmp_path):
    done = run_command("--synthetic_notes=60", "--output_dir=out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "invented notes" in done.stdout
    assert "read 60 notes" in done.stdout
    assert "100.00% of the characters kept" in done.stdout
    assert "--input_file='out/*.txt'" in done.stdout
    assert (tmp_path / "out" / "Discharge_summary.txt").stat().st_size > 1000


def test_next_command_works_once_its_placeholder_is_filled_in(tmp_path):
    done = run_command(f"--input={GOLDEN_NOTES}", "--output_dir=my [notes]", cwd=tmp_path)
    command, explanation = done.stdout.splitlines()[-2:]
    words = shlex.split(command)
    assert words[:4] == ["Next:", "python", "-m", "tfrecords_builder.create_pretraining_data"]
    assert "--vocab_file=VOCABULARY" in words
    assert explanation.startswith("(VOCABULARY: ")
    learn = shlex.split(explanation.split("learnt with: python ")[1].removesuffix(")"))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    filled_in = [word.replace("VOCABULARY", "vocab.txt") for word in words[2:]]
    for arguments in (learn, [*filled_in, "--dupe_factor=1"]):
        subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=True,
        )
    assert (tmp_path / "notes.tfrecord").stat().st_size > 1000


def test_command_takes_files_and_a_query_with_commas(tmp_path):
    pytest.importorskip("sqlalchemy")
    with contextlib.closing(sqlite3.connect(tmp_path / "mimic.db")) as database:
        database.execute("CREATE TABLE n (note_id, subject_id, category, text)")
        database.executemany("INSERT INTO n VALUES (?, 1, 'ECG', ?)", [(1, "one."), (2, "two.")])
        database.commit()
    (tmp_path / "a.csv").write_text(HEADER + "1,1,1,ECG,,a\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text(HEADER + "1,1,1,ECG,,b\n", encoding="utf-8")
    url = f"sqlite:///{tmp_path}/mimic.db#SELECT note_id, subject_id, category, text FROM n"
    done = run_command(f"--input={url}", "--input=a.csv, b.*", "--output_dir=out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert documents(tmp_path / "out" / "ECG.txt") == [["one."], ["two."], ["a"], ["b"]]
    report = json.loads((tmp_path / "out" / "counts.json").read_text())
    assert report["settings"]["input"][1:] == ["a.csv", "b.csv"]


def test_a_databases_password_stays_out_of_the_report(tmp_path, monkeypatch):
    notes = [Note("1", "ECG", "one.")]
    monkeypatch.setattr(format_notes, "check_ids", lambda *_: True)
    monkeypatch.setattr(format_notes, "read_notes", lambda *_: iter(notes))
    url = "postgresql://me:hidden@host/mimic#SELECT note_id, text FROM n"
    format_notes.format_notes(FormatSettings(str(tmp_path / "out"), (url,)))
    report = (tmp_path / "out" / "counts.json").read_text()
    assert "postgresql://me:***@host/mimic" in report
    assert "hidden" not in report


def test_command_names_what_is_wrong(tmp_path):
    failed = run_command("--input=none.csv", "--output_dir=out", cwd=tmp_path)
    assert failed.returncode == 1
    assert "none.csv" in failed.stderr
    assert "Traceback" not in failed.stderr
    shown = run_command("--help", cwd=tmp_path).stdout
    assert "--sections" in shown
    assert "--exclude_subjects" in shown


def test_lists_that_a_source_cannot_be_filtered_by_are_refused_before_anything_is_read(tmp_path):
    (tmp_path / "ids.txt").write_text("1\n")
    (tmp_path / "notes.csv").write_text("note_id,text\n1,one\n")
    for name, column in (("exclude_subjects", "subject_id"), ("exclude_admissions", "hadm_id")):
        settings = FormatSettings(
            str(tmp_path / "out"),
            (str(GOLDEN_NOTES), str(tmp_path / "notes.csv")),
            **{name: str(tmp_path / "ids.txt")},
        )
        with pytest.raises(ValueError, match=rf"notes\.csv: expected a {column} with each note"):
            format_notes.format_notes(settings)
        assert not (tmp_path / "out").exists()


def test_characters_kept_are_those_of_the_sentences(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "splitter", lambda name: lambda parts: ["ab"])
    path = tmp_path / "notes.csv"
    path.write_text("note_id,text\n1,abcd\n")
    counts = format_notes.format_notes(FormatSettings(str(tmp_path / "out"), (str(path),)))
    assert (counts.content_read, counts.content_kept) == (4, 2)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""The command `deidentify` as a user types it."""

import json
import os
import stat
import subprocess
import sys

import pytest

ROW = {"note_id": "01", "text": "Dr. Quill saw Ms. Farr, 92 yo, on 2021-03-04.", "more": 1}


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.deidentify", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notes.jsonl").write_text(json.dumps(ROW) + "\n")
    return tmp_path


def test_rules_alone_are_said_plainly_and_the_key_gives_the_note_back(folder):
    done = run(folder, "--input=notes.jsonl", "--output=clean.jsonl", "--key_file=key.jsonl")
    assert done.returncode == 0, done.stderr
    assert "Rules alone" in done.stdout and "1 notes in, 1 out" in done.stdout
    clean = json.loads((folder / "clean.jsonl").read_text())
    text = "Dr. [**DOCTOR**] saw Ms. [**PATIENT**], [**AGE**] yo, on [**DATE**]."
    assert clean == {**ROW, "text": text}
    again = run(folder, "--input=clean.jsonl", "--output=again.jsonl", "--reidentify=key.jsonl")
    assert again.returncode == 0, again.stderr
    assert json.loads((folder / "again.jsonl").read_text()) == ROW


def test_surrogates_are_the_same_in_every_run_with_one_secret(folder):
    for name in ("a", "b"):
        flags = ("--style=surrogate", "--secret_file=secret")
        done = run(folder, "--input=notes.jsonl", f"--output={name}.jsonl", *flags)
        assert done.returncode == 0, done.stderr
    assert (folder / "a.jsonl").read_text() == (folder / "b.jsonl").read_text()
    assert stat.S_IMODE(os.stat(folder / "secret").st_mode) == 0o600


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--input=notes.jsonl", "--output=notes.jsonl"), "never overwritten"),
        (("--input=none.jsonl", "--output=a.jsonl"), "--input"),
        (("--input=notes.jsonl", "--output=a.jsonl", "--style=surrogate"), "--secret_file"),
        (("--input=notes.jsonl", "--output=a.jsonl", "--recall=0.99"), "--model"),
    ],
)
def test_errors_end_with_status_1_and_name_the_flag(folder, flags, named):
    done = run(folder, *flags)
    assert done.returncode == 1
    assert named in done.stderr and "Quill" not in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

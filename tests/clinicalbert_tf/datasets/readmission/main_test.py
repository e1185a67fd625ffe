"""The command: flags, messages, files."""

import json
import os
import subprocess
import sys

import pytest

from tests.support import ROOT
from tfrecords_builder import synthetic


def run(*flags, cwd):
    return subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.datasets.readmission", *flags],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return synthetic.write_admissions(str(folder / "NOTEEVENTS.csv.gz"), 300, seed=1)


def test_default_learns_a_vocabulary_and_says_what_it_did(tables, tmp_path):
    flags = [f"--admissions={tables['ADMISSIONS']}", f"--notes={tables['NOTEEVENTS']}"]
    flags += ["--output_dir=data", "--min_age=18", f"--patients={tables['PATIENTS']}"]
    done = run(*flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No --vocab_file: learnt" in done.stderr
    assert "discharge/test:" in done.stdout and "left out" in done.stdout
    accounting = json.loads((tmp_path / "data/accounting.json").read_text())
    assert accounting["settings"]["max_seq_length"] == 512
    assert accounting["admissions"]["options"]["min_age"]["under"] > 0
    line = json.loads((tmp_path / "data/early_2/train.jsonl").read_text().split("\n")[0])
    assert list(line) == ["id", "subject_id", "chunk", "label", "text"]
    assert (tmp_path / "data/vocab.txt").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--notes=n", "--output_dir=o"], "received no --admissions"),
        (["--admissions=a", "--notes=n", "--output_dir=o", "--sets=late"], "received late"),
        (["--admissions=a", "--notes=n", "--output_dir=o"], "no file at n"),
        (["--admissions=a", "--notes=n", "--output_dir=o", "--stride=511"], "from 1 to 510"),
    ],
)
def test_error_is_one_message(tmp_path, flags, words):
    done = run(*flags, cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

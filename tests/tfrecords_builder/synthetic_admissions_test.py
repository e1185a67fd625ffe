"""Invented admissions: they fit the notes, can be learnt from, and hold traps."""

import collections
import datetime
import os
import subprocess
import sys

import pytest

from tests.support import ROOT
from tfrecords_builder import synthetic
from tfrecords_builder.invention import synthetic_admissions


@pytest.fixture(scope="module")
def tables():
    return synthetic_admissions.invent(1500, seed=7)


def time_of(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")


def test_same_seed_gives_the_same_tables():
    first, second = (synthetic_admissions.invent(100, seed=4) for _ in range(2))
    assert first == second != synthetic_admissions.invent(100, seed=5)


def test_columns_are_mimics(tables):
    assert set(map(tuple, tables.notes)) == {synthetic.COLUMNS}
    assert tuple(tables.admissions[0])[:7] == (
        "ROW_ID", "SUBJECT_ID", "HADM_ID", "ADMITTIME", "DISCHTIME", "DEATHTIME", "ADMISSION_TYPE",
    )  # fmt: skip
    assert tuple(tables.diagnoses[0]) == ("ROW_ID", "SUBJECT_ID", "HADM_ID", "SEQ_NUM", "ICD9_CODE")


def test_notes_belong_to_their_admissions(tables):
    of = {row["HADM_ID"]: row["SUBJECT_ID"] for row in tables.admissions}
    planted = [row for row in tables.notes if synthetic_admissions.LEAK in row["TEXT"]]
    honest = [row for row in tables.notes if synthetic_admissions.LEAK not in row["TEXT"]]
    assert all(of[row["HADM_ID"]] == row["SUBJECT_ID"] for row in honest)
    kinds = collections.Counter(row["TEXT"].split("(")[1].split(")")[0] for row in planted)
    assert len(kinds) == 7 and min(kinds.values()) >= 5


def test_every_oddity_of_the_table_is_there(tables):
    ids = collections.Counter(row["HADM_ID"] for row in tables.admissions)
    assert max(ids.values()) == 2
    types = {row["ADMISSION_TYPE"] for row in tables.admissions}
    assert types == {"EMERGENCY", "URGENT", "ELECTIVE", "NEWBORN"}
    assert any(row["DISCHTIME"] == "unknown" for row in tables.admissions)
    known = [row for row in tables.admissions if row["DISCHTIME"] != "unknown"]
    assert any(time_of(row["DISCHTIME"]) < time_of(row["ADMITTIME"]) for row in known)
    assert any(row["DEATHTIME"] for row in tables.admissions)


def test_command_writes_all_tables_and_a_next_line_that_works(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tfrecords_builder.synthetic", "--admissions", "--notes=150"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ADMISSIONS.csv.gz", "DIAGNOSES_ICD.csv.gz", "NOTEEVENTS.csv.gz", "PATIENTS.csv.gz",
    ]  # fmt: skip
    following = done.stdout.split("Next:\n")[1].split()
    assert following[:3] == ["python", "-m", "clinicalbert_tf.datasets.readmission"]
    ended = subprocess.run([sys.executable, *following[1:]], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False)  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "data" / "discharge" / "train.jsonl").exists()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""The data set as a whole: own codes, own summaries, patients apart."""

import csv
import json
import os
import subprocess
import sys

import pytest

from tests.support import ROOT
from tfrecords_builder import synthetic


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diagnosis")
    tables = synthetic.write_admissions(str(folder / "NOTEEVENTS.csv"), 600, seed=5)
    with open(tables["ADMISSIONS"]) as file:
        first = next(csv.DictReader(file))
    with open(tables["DIAGNOSES_ICD"], "a") as file:
        # Planted: a code under another patient's number, which would be one of another stay.
        file.write(f"9999,{int(first['SUBJECT_ID']) + 1},{first['HADM_ID']},1,PLANTED\n")
    done = subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.datasets.diagnosis", "--num_codes=12",
         f"--admissions={tables['ADMISSIONS']}", f"--notes={tables['NOTEEVENTS']}",
         f"--diagnoses={tables['DIAGNOSES_ICD']}", "--output_dir=data", "--chunks=words318"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "data" / "diagnosis", tables


def rows_of(folder, side):
    with open(folder / f"{side}.jsonl", encoding="utf-8") as file:
        return list(map(json.loads, file))


def test_labels_are_the_admissions_own_chosen_codes(built):
    folder, tables = built
    chosen = (folder / "codes.txt").read_text().split()
    assert len(chosen) == 12 and "ICD9:PLANTED" not in chosen
    own = {}
    with open(tables["DIAGNOSES_ICD"]) as file:
        for row in csv.DictReader(file):
            if row["ICD9_CODE"] != "PLANTED":
                own.setdefault(row["HADM_ID"], []).append(f"ICD9:{row['ICD9_CODE']}")
    for side in ("train", "dev", "test"):
        for row in rows_of(folder, side):
            assert row["labels"] == [code for code in own[row["id"]] if code in chosen]
    accounting = json.loads((folder / "accounting.json").read_text())
    assert accounting["codes"]["of_another_patient"] == 1


def test_patients_are_apart_and_deaths_are_there(built):
    folder, tables = built
    sides = {}
    for side in ("train", "dev", "test"):
        for row in rows_of(folder, side):
            assert sides.setdefault(row["subject_id"], side) == side
    with open(tables["ADMISSIONS"]) as file:
        died = {row["HADM_ID"] for row in csv.DictReader(file) if row["DEATHTIME"]}
    assert died & {row["id"] for row in rows_of(folder, "train")}


def test_codes_are_chosen_on_training_patients(built):
    folder, _ = built
    counts = {}
    for row in rows_of(folder, "train"):
        for code in row["labels"]:
            counts.setdefault(code, set()).add(row["id"])
    numbers = [len(counts[code]) for code in (folder / "codes.txt").read_text().split()]
    assert numbers == sorted(numbers, reverse=True) and numbers[-1] > 0


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

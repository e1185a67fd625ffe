"""The reference's rules, against what its own program produced."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from clinicalbert_tf.datasets.readmission import huang2019, tables
from clinicalbert_tf.datasets.readmission.building import build
from clinicalbert_tf.datasets.readmission.settings import ReadmissionSettings
from tests import support

GOLDEN = support.GOLDEN / "readmission"
# Our set, the golden files' name of it.
SETS = {"discharge": "discharge", "early_2": "less_2_days", "early_3": "less_3_days"}


def golden_lines(name):
    lines = (GOLDEN / "expected" / name).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def golden_settings(output_dir, **changes):
    given = {
        "admissions": str(GOLDEN / "input" / "ADMISSIONS.csv"),
        "notes": (str(GOLDEN / "input" / "NOTEEVENTS.csv"),),
        "output_dir": str(output_dir),
        "split": "huang2019",
        "cleaning": "huang2019",
        "chunks": "words318",
    }
    return ReadmissionSettings(**given | changes)


@pytest.fixture(scope="module")
def cohort():
    settings = golden_settings("unused")
    return huang2019.label_admissions(tables.read_admissions(settings), settings)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    accounting = build(golden_settings(folder), lambda texts: pytest.fail("needs no tokenizer"))
    return folder, accounting


def rows_of(folder, name, side):
    text = (folder / name / f"{side}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def test_labels_and_days_are_the_references(cohort):
    expected = golden_lines("admissions.jsonl")
    kept = cohort.table[cohort.table["KEPT"]].sort_values("PLACE")
    assert kept["HADM_ID"].tolist() == [str(row["HADM_ID"]) for row in expected]
    assert kept["LABEL"].tolist() == [row["OUTPUT_LABEL"] for row in expected]
    for days, row in zip(kept["DAYS"], expected, strict=True):
        if row["DAYS_NEXT_ADMIT"] is None:
            assert math.isnan(days)
        else:
            assert math.isclose(days, row["DAYS_NEXT_ADMIT"], rel_tol=1e-9)


def test_split_is_the_references(cohort):
    expected = json.loads((GOLDEN / "expected" / "split_ids.json").read_text())
    split = huang2019.split(cohort)
    ids = cohort.table["HADM_ID"]
    for name, rows in (("train", split.train), ("val", split.dev), ("test", split.test)):
        assert [int(ids[row]) for row in rows] == expected[f"id_{name}"]
    assert [int(ids[row]) for row in split.unused] == expected["df_unused_negatives"]


def test_too_few_unused_negatives_give_none(cohort):
    split = huang2019.split(cohort)
    assert split.more("discharge") == split.more("early_3") == split.more("early_2") == []
    many = huang2019.Split([], [], [], list(range(1000)))
    drawn = np.random.RandomState(1).choice(1000, size=400, replace=False)
    assert many.more("discharge") == drawn.tolist()
    assert len(set(many.more("early_3"))) == 500


def test_chunks_and_sides_are_the_references(built):
    folder, _ = built
    expected = json.loads((GOLDEN / "expected" / "split_ids.json").read_text())
    sides = {"train": expected["id_train"], "dev": expected["id_val"], "test": expected["id_test"]}
    for name, golden in SETS.items():
        chunks = [(int(c["ID"]), int(c["Label"]), c["TEXT"]) for c in chunks_of(golden)]
        for side, ids in sides.items():
            if name == "early_2" and side != "test":
                ids = ()
            elif name != "discharge" and side == "test":
                ids = expected[f"test_ids_actionable_{name[-1]}days"]
            found = [(int(r["id"]), r["label"], r["text"]) for r in rows_of(folder, name, side)]
            wanted = [chunk for chunk in chunks if chunk[0] in ids]
            if side == "train":
                # Written in a random order, which the golden data could not be made for.
                order = pd.Series(range(len(wanted))).sample(frac=1, random_state=1)
                wanted = [wanted[place] for place in order]
            assert found == wanted, (name, side)


def chunks_of(golden):
    return golden_lines(f"chunks_{golden}.jsonl")


def test_all_cleaned_texts_are_the_references(cohort, tmp_path):
    from clinicalbert_tf.datasets.readmission import building
    from clinicalbert_tf.datasets.readmission.spill import NoteSpill
    from clinicalbert_tf.datasets.readmission.texts import AdmissionTexts

    settings = golden_settings(tmp_path)
    with NoteSpill(str(tmp_path)) as spill:
        building.spill_notes(cohort, settings, spill, iter)
        texts = AdmissionTexts(cohort, spill, settings, lower_case=True)
        for name, golden in SETS.items():
            expected = golden_lines(f"cleaned_{golden}.jsonl")
            found = dict(texts.texts(name, cohort.table.index[cohort.table["KEPT"]]))
            found = {int(cohort.table["HADM_ID"][row]): text for row, text in found.items()}
            assert found == {row["HADM_ID"]: row["TEXT"] for row in expected if row["TEXT"].strip()}
            chunks = [(id_, text) for id_ in found for text in huang2019.words318(found[id_])]
            wanted = [(int(c["ID"]), c["TEXT"]) for c in chunks_of(golden)]
            assert sorted(chunks) == sorted(wanted)


def test_admissions_csv_has_a_line_per_admission(built):
    folder, accounting = built
    table = pd.read_csv(folder / "admissions.csv", dtype=str, keep_default_na=False)
    source = pd.read_csv(GOLDEN / "input" / "ADMISSIONS.csv", dtype=str)
    assert table["HADM_ID"].tolist() == source["HADM_ID"].tolist()
    reasons = table[table["KEPT"] == "0"].set_index("HADM_ID")["REASON"].to_dict()
    assert reasons == {
        "160974": "died_in_hospital",
        "116370": "died_in_hospital",
        "141505": "died_in_hospital",
        "189979": "newborn",
        "109589": "newborn",
    }
    negative = table.set_index("HADM_ID").loc["140626"]
    assert float(negative["DAYS_NEXT_UNPLANNED"]) == pytest.approx(-0.4)
    assert negative["LABEL"] == "1"
    assert accounting["admissions"]["negative_days"] == 1
    assert accounting["admissions"]["kept_with_label_1"] == 22


def test_rest_of_ten_words_is_lost_and_of_eleven_kept():
    words = [f"w{number}" for number in range(2 * 318 + 11)]
    assert [len(chunk.split()) for chunk in huang2019.words318(" ".join(words))] == [318, 318, 11]
    assert [len(chunk.split()) for chunk in huang2019.words318(" ".join(words[:328]))] == [318]
    assert huang2019.words318(" ".join(words[:10])) == []


def test_own_rules_are_refused_with_the_references_split(tmp_path):
    with pytest.raises(ValueError, match="received --min_age"):
        golden_settings(tmp_path, min_age=18, patients="PATIENTS.csv")


def test_ids_that_are_no_numbers_are_refused(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text(
        "SUBJECT_ID,HADM_ID,ADMITTIME,DISCHTIME,ADMISSION_TYPE\n"
        "p1,7,2101-01-01 00:00:00,2101-01-02 00:00:00,URGENT\n"
    )
    settings = golden_settings(tmp_path, admissions=str(path))
    with pytest.raises(tables.TableError, match="SUBJECT_ID for --split=huang2019"):
        huang2019.label_admissions(tables.read_admissions(settings), settings)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Runs on some kinds of section: the same in training, pipeline and predictions of a file."""

import csv
import json
import os

import pytest

import clinicalbert_tf
from clinicalbert_tf.inference.classification.files import predict_file
from clinicalbert_tf.tasks.classification.run import prepare, read_data, run_classification

NOTES = [
    ("n1", "Allergies:\nrash\n\nMedications:\naspirin aspirin\n", "no"),
    ("n2", "HPI: cough\n\nPlan:\ndischarged\n", "yes"),
    ("n3", "fever cough pain\n", "no"),
    ("n4", "Medications:\naspirin\n\nImpression: pain\n", "yes"),
]


@pytest.fixture(scope="module")
def given(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sections")
    for split in ("train", "dev"):
        with open(folder / f"{split}.csv", "w", newline="") as file:
            csv.writer(file).writerows([["id", "text", "label"], *NOTES])
    return {
        **tiny_model,
        "task_name": "csv",
        "data_dir": str(folder),
        "problem_type": "single",
        "sections": "Medications, assessment_and_plan",
        "max_seq_length": 16,
        "train_batch_size": 4,
        "num_train_steps": 1,
        "bootstrap": 0,
        "peak_tflops": 1.0,
        "output_dir": str(folder / "out"),
        "report": False,
    }


def test_examples_hold_the_sections_and_none_is_dropped(given):
    data = read_data(given)
    texts = [example.text_a for example in data.splits["train"].examples]
    assert texts == [
        "Medications:\naspirin aspirin\n", "Plan:\ndischarged\n", "", "Medications:\naspirin\n\n",
    ]  # fmt: skip
    assert data.without_section == {"train": ["n3"], "dev": ["n3"]}
    said = " ".join(map(str, data.findings))
    assert "1 texts of train have no section" in said and "id n3" in said


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"sections": "medication list"}, "medications"), ({"text_b": "id"}, "--sections")],
)
def test_unknown_kinds_and_pairs_are_refused(given, changes, named):
    with pytest.raises(ValueError, match=named):
        read_data({**given, **changes})


def test_a_run_and_who_uses_it_read_the_same_sections(given, tmp_path):
    run_classification(prepare(given, read_data(given)))
    folder = given["output_dir"]
    with open(os.path.join(folder, "without_section.json")) as file:
        assert json.load(file)["without_section"] == {"train": ["n3"], "dev": ["n3"]}
    classify = clinicalbert_tf.pipeline("classification", folder)
    assert classify.sections == ("medications", "assessment and plan")
    whole, alone = classify([NOTES[1][1], "Plan:\ndischarged\n"])
    assert whole == alone
    source = os.path.join(given["data_dir"], "dev.csv")
    path, counts = predict_file(folder, source, {"output_dir": str(tmp_path)})
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    assert [row["id"] for row in rows] == ["n1", "n2", "n3", "n4"] and counts.rows == 4
    assert [row.get("without_section") for row in rows] == [None, None, True, None]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

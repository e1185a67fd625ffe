"""Some kinds of section alone: the same in training, pipeline and predictions of a file."""

import csv
import json
import os
import shutil

import pytest

import clinicalbert_tf
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.inference.classification.files import predict_file
from clinicalbert_tf.tasks.classification.results import write_without_section
from clinicalbert_tf.tasks.classification.run import prepare, read_data
from clinicalbert_tf.tasks.classification.task import ClassificationTask

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


def test_who_uses_a_model_reads_the_same_sections(given, tmp_path):
    prepared = prepare(given, read_data(given))
    task = ClassificationTask(prepared.settings, prepared.data, prepared.evaluated)
    config = BertConfig.from_json_file(given["bert_config_file"])
    write_tf1_checkpoint(task.build_model(config, prepared.settings), tmp_path / "model.ckpt-1")
    for name, text in task.find_inputs(prepared.settings).files.items():
        (tmp_path / name).write_text(text)
    for name in ("bert_config_file", "vocab_file"):
        shutil.copy(given[name], tmp_path)
    classify = clinicalbert_tf.pipeline("classification", tmp_path)
    assert classify.sections == ("medications", "assessment and plan")
    whole, alone = classify([NOTES[1][1], "Plan:\ndischarged\n"])
    assert whole == alone
    source = os.path.join(given["data_dir"], "dev.csv")
    path, counts = predict_file(tmp_path, source, {"output_dir": str(tmp_path / "predictions")})
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    assert [row["id"] for row in rows] == ["n1", "n2", "n3", "n4"] and counts.rows == 4
    assert [row.get("without_section") for row in rows] == [None, None, True, None]


def test_a_run_keeps_the_ids_of_texts_without_such_a_section(given, tmp_path):
    data = read_data(given)
    write_without_section(str(tmp_path), data.sections, data.without_section)
    kept = json.loads((tmp_path / "without_section.json").read_text())
    assert kept["without_section"] == {"train": ["n3"], "dev": ["n3"]}
    assert kept["sections"] == ["medications", "assessment and plan"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""Teachers of the other commands: classification and entities."""

import json

import pytest

from clinicalbert_tf import embedded_classification, embedded_entities
from clinicalbert_tf.tasks.classification.run import prepare, read_data, run_classification
from clinicalbert_tf.tasks.distillation.settings import DistillationSettings
from clinicalbert_tf.tasks.distillation.task import run_distillation
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.tasks.tagging.task import run_tagging

SHORT = {"num_train_steps": 2, "report": False, "peak_tflops": 1.0}


def distil(folder, teacher):
    asked = DistillationSettings(teacher=str(teacher), temperature=3.0)
    results = run_distillation(asked, {**SHORT, "output_dir": str(folder / "student")})
    record = json.loads((folder / "student/run.json").read_text())
    assert record["bert_config"]["num_hidden_layers"] == 1
    assert results["train"]["soft_loss"] >= 0
    assert (folder / "student/labels.json").exists()
    return record


@pytest.mark.large
def test_classifier_is_distilled(tmp_path):
    teacher = tmp_path / "teacher"
    given = embedded_classification.prepare({"output_dir": str(teacher), "task_name": "csv"})
    given = {**given, **SHORT}
    run_classification(prepare(given, read_data(given)))
    assert distil(tmp_path, teacher)["command"] == "run_classifier"


@pytest.mark.large
def test_tagger_is_distilled(tmp_path):
    teacher = tmp_path / "teacher"
    given = embedded_entities.prepare({"output_dir": str(teacher)})
    run_tagging(TaggingSettings(**{**given, **SHORT, "do_train": True, "do_eval": True}))
    assert distil(tmp_path, teacher)["command"] == "run_i2b2"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

"""The report's sections of a classification."""

import json

import numpy as np
import pytest

from clinicalbert_tf.metrics.classification import Rows, scores
from clinicalbert_tf.report.classification import sections
from clinicalbert_tf.report.unit_chart import UnitLine, draw_unit


def folder_of(tmp_path, labels=("no", "yes")):
    generator = np.random.default_rng(0)
    table = generator.dirichlet(np.ones(len(labels)), 40)
    gold = np.arange(40) % len(labels)
    found = scores(Rows(labels, gold, table.argmax(1), table))
    found["errors_by_length"] = [{"tokens": 9, "examples": 40, "errors": 10}]
    (tmp_path / "metrics.json").write_text(json.dumps({"dev": found, "test": found}))
    with open(tmp_path / "predictions_test.jsonl", "w") as file:
        for row, label in zip(table, gold, strict=True):
            line = {"id": "x", "label": labels[label], "predicted": labels[0]}
            line["probabilities"] = dict(zip(labels, row.tolist(), strict=True))
            file.write(json.dumps(line) + "\n")
    return str(tmp_path), found


def test_sections_show_figures_matrix_curves_and_lengths(tmp_path):
    folder, found = folder_of(tmp_path)
    made = dict(sections(folder))
    assert list(made) == [
        "Results", "Confusion matrix, test", "Curves of the predictions, test",
        "Errors by length, test",
    ]  # fmt: skip
    assert f"{found['accuracy']:.4f}" in made["Results"]
    for row in found["confusion_matrix"]["gold_by_predicted"]:
        assert all(f">{count}<" in made["Confusion matrix, test"] for count in row)
    charts = made["Curves of the predictions, test"]
    assert charts.count("<svg") == 3
    assert "ROC" in charts and "Reliability" in charts
    assert "25.0%" in made["Errors by length, test"]


def test_differences_to_the_baseline_are_shown(tmp_path):
    folder, found = folder_of(tmp_path)
    nothing = {"difference": None, "interval": None, "p": None}
    better = {"difference": 0.25, "interval": [0.125, 0.375], "p": 0.012}
    compared = {
        "difference": {"metric": "f1_micro", **better},
        "differences": {"f1_micro": better, "auroc": nothing},
    }
    metrics = {"dev": found, "test": found, "baseline": {"test": {**found, **compared}}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    made = dict(sections(folder))["BERT minus the TF-IDF baseline"]
    assert made.count("<tr>") == 3 and ">dev<" not in made
    assert "F1 micro" in made and "+0.2500 [+0.125, +0.375], p 0.012" in made
    metrics["baseline"]["test"] = {**found, "difference": None}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert "BERT minus the TF-IDF baseline" not in dict(sections(folder))


def test_labels_are_escaped(tmp_path):
    folder, _ = folder_of(tmp_path, ("<b>", "c", "d"))
    assert not any("<b>" in content for _, content in sections(folder))


def test_other_runs_have_no_sections(tmp_path):
    assert sections(str(tmp_path)) == []
    (tmp_path / "metrics.json").write_text('{"test": {"exact_match": 1}}')
    assert sections(str(tmp_path)) == []


def test_long_curves_are_drawn_in_few_points():
    x = np.linspace(0, 1, 10_000)
    drawn = draw_unit("a", "words", [UnitLine(x, x, "evaluation")], "x", "y")
    assert len(drawn) < 20_000
    assert 'points="54.0,290.0' in drawn and '422.0,26.0"' in drawn


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

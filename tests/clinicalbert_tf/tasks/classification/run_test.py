"""Whole runs: results, predictions and the folder that others use."""

import csv
import json
import os
import stat

import numpy as np
import pytest

import clinicalbert_tf
from clinicalbert_tf.inference.classification.files import predict_file
from clinicalbert_tf.inference.fine_tuned import task_of
from clinicalbert_tf.tasks.classification.run import prepare, read_data, run_classification

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def run(pair_settings, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("run") / "out")
    given = {**pair_settings, "output_dir": folder}
    prepared = prepare(given, read_data(given))
    found = run_classification(prepared, baseline=True)
    return folder, prepared, found


def predictions(folder, split):
    with open(os.path.join(folder, f"predictions_{split}.jsonl")) as file:
        return [json.loads(line) for line in file]


def test_steps_come_from_the_data(run):
    settings = run[1].settings
    assert (settings.num_train_steps, settings.eval_steps, settings.num_warmup_steps) == (15, 8, 1)
    assert settings.do_train and settings.do_eval and settings.do_test


@pytest.mark.parametrize("split", ["dev", "test"])
def test_predictions_are_one_line_per_row_in_order(run, pair_files, split):
    rows = predictions(run[0], split)
    with open(os.path.join(pair_files, f"{split}.csv"), newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [row["id"] for row in read]
    assert [row["label"] for row in rows] == [row["same"] for row in read]
    assert list(rows[0]) == ["id", "label", "predicted", "probabilities"]
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_metrics_equal_scikit_learn_on_the_predictions(run, split):
    from sklearn import metrics

    rows = predictions(run[0], split)
    gold = [row["label"] for row in rows]
    predicted = [row["predicted"] for row in rows]
    scores = [row["probabilities"]["yes"] for row in rows]
    positive = [label == "yes" for label in gold]
    found = run[2]["metrics"][split]
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(gold, predicted))
    assert found["f1_macro"] == pytest.approx(metrics.f1_score(gold, predicted, average="macro"))
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(positive, scores))
    assert found["average_precision"] == pytest.approx(
        metrics.average_precision_score(positive, scores)
    )
    assert found["brier"] == pytest.approx(np.mean((np.array(scores) - positive) ** 2))
    assert found["split"] == split
    assert found["intervals_draw"] == "groups"
    assert set(found["intervals"]) >= {"accuracy", "f1_macro", "auroc"}


def test_metrics_file_is_strict_json_and_private(run):
    path = os.path.join(run[0], "metrics.json")
    with open(path) as file:
        content = json.loads(file.read(), parse_constant=pytest.fail)
    assert set(content) >= {"dev", "test", "decision", "baseline"}
    assert content["baseline"]["test"]["difference"]["metric"] == "f1_macro"
    for name in os.listdir(run[0]):
        if name.startswith("events"):
            continue  # TensorFlow's own; the command's umask covers them
        mode = stat.S_IMODE(os.stat(os.path.join(run[0], name)).st_mode)
        assert mode in (0o600, 0o700), name


def test_predicted_follows_threshold_and_temperature_of_dev(run):
    decision = run[2]["metrics"]["decision"]
    assert decision["positive_label"] == "yes"
    for row in predictions(run[0], "test"):
        chosen = row["probabilities"]["yes"] >= decision["threshold"]
        assert row["predicted"] == ("yes" if chosen else "no")
    with open(os.path.join(run[0], "best", "labels.json")) as file:
        kept = json.load(file)
    assert kept["settings"]["threshold"] == decision["threshold"]
    assert (kept["labels"], kept["do_lower_case"]) == (["no", "yes"], True)


def test_reference_files(run):
    with open(os.path.join(run[0], "test_results.tsv")) as file:
        table = np.loadtxt(file, delimiter="\t")
    expected = [list(row["probabilities"].values()) for row in predictions(run[0], "test")]
    np.testing.assert_allclose(table, expected)
    with open(os.path.join(run[0], "eval_results.txt")) as file:
        lines = dict(line.rstrip("\n").split(" = ") for line in file)
    assert {"accuracy", "loss", "global_step"} <= set(lines)
    dev = run[2]["metrics"]["dev"]
    for name in (set(lines) & set(dev)) - {"step"}:
        assert float(lines[name]) == dev[name], name


@pytest.fixture(scope="module")
def classify(run):
    # The task is found by itself, as if "classification" stood before the folder.
    return clinicalbert_tf.pipeline(run[0])


def test_pipeline_gives_the_predictions_of_the_run(run, classify, pair_files):
    with open(os.path.join(pair_files, "test.csv"), newline="") as file:
        pairs = [(row["first"], row["second"]) for row in csv.DictReader(file)]
    together = classify(pairs)
    for row, one in zip(predictions(run[0], "test"), together, strict=True):
        assert one["label"] == row["predicted"]
        for label, value in row["probabilities"].items():
            assert one["probabilities"][label] == pytest.approx(value, abs=1e-5)
    alone = classify(pairs[0])
    assert alone["probabilities"]["yes"] == pytest.approx(
        together[0]["probabilities"]["yes"], abs=1e-5
    )
    assert classify([]) == []
    assert task_of(run[0], ["classification"]) == "classification"


def test_pipeline_refuses_what_it_was_not_trained_on(run, classify):
    with pytest.raises(ValueError, match="pairs"):
        classify("a single text")
    with pytest.raises(TypeError, match="place 1"):
        classify([("a", "b"), ["c", "d"]])
    with pytest.raises(ValueError, match="classification"):
        clinicalbert_tf.pipeline("nonsense", run[0])
    with pytest.raises(ValueError, match="the folder of a model"):
        clinicalbert_tf.pipeline("classification")


def test_from_pretrained_takes_the_folder(run):
    bert = clinicalbert_tf.from_pretrained(run[0])
    assert bert.labels == ("no", "yes")
    assert bert.tokenizer.do_lower_case


ROWS = ["01", "NA", "null", "", "01", "x y", "7"]


def write_rows(path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["first", "id", "second"])
        for number, row_id in enumerate(ROWS):
            text = 'fever "no",\ncough' if number == 1 else "fever " * number
            writer.writerow([text, row_id, "chest pain"])


def test_file_of_any_rows_keeps_order_ids_and_number(run, classify, tmp_path):
    path = str(tmp_path / "new.csv")
    write_rows(path)
    asked = {"output_dir": str(tmp_path / "out"), "text_a": "first", "text_b": "second"}
    output, counts = predict_file(run[0], path, asked)
    with open(output) as file:
        rows = [json.loads(line) for line in file]
    assert counts.rows == 7
    assert [row["id"] for row in rows] == ROWS
    assert "label" not in rows[0] and "text_a" not in rows[0]
    for number, row in enumerate(rows):
        text = 'fever "no",\ncough' if number == 1 else "fever " * number
        alone = classify((text, "chest pain"))
        assert row["probabilities"]["yes"] == pytest.approx(alone["probabilities"]["yes"], abs=1e-5)


def test_killed_prediction_resumes_without_repeating(run, tmp_path, monkeypatch):
    from clinicalbert_tf.inference.classification import files
    from clinicalbert_tf.inference.classification.classifier import Classifier

    path = str(tmp_path / "new.csv")
    write_rows(path)
    asked = {"output_dir": str(tmp_path / "out"), "text_a": "first", "text_b": "second"}
    monkeypatch.setattr(files, "ROWS_AT_ONCE", 3)
    whole, _ = predict_file(run[0], path, {**asked, "output_dir": str(tmp_path / "whole")})
    real, calls = Classifier.probabilities, []

    def killed(self, texts_a, texts_b):
        calls.append(len(texts_a))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, texts_a, texts_b)

    monkeypatch.setattr(Classifier, "probabilities", killed)
    with pytest.raises(KeyboardInterrupt):
        predict_file(run[0], path, asked)
    output, _ = predict_file(run[0], path, asked)
    assert calls == [3, 3, 3, 1]
    with open(output, "rb") as made, open(whole, "rb") as expected:
        assert made.read() == expected.read()


def test_what_to_do_follows_flags_and_files(pair_settings):
    given = {**pair_settings, "output_dir": "out"}
    data = read_data(given)

    def asked(**flags):
        made = prepare({**given, **flags}, data)
        return made.settings.do_train, made.evaluated

    assert asked() == (True, ("dev", "test"))
    assert asked(do_train=True, do_test=False) == (True, ("dev",))
    assert asked(do_eval=True) == (False, ("dev",))
    assert asked(do_train=False, do_eval=True, do_test=True) == (False, ("dev", "test"))
    without = {name: split for name, split in data.splits.items() if name == "train"}
    object.__setattr__(data, "splits", without)
    assert asked() == (True, ())
    with pytest.raises(ValueError, match="--dev_file"):
        asked(do_eval=True)
    with pytest.raises(ValueError, match="--eval_steps"):
        asked(eval_steps=5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

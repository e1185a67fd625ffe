"""Long documents through the engine: trained on chunks, scored and written by document."""

import csv
import json
import os
import shutil
import signal
import stat

import numpy as np
import pytest

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.datasets.classification.examples import Example
from clinicalbert_tf.metrics import documents
from clinicalbert_tf.tasks.classification.run import prepare, read_data, run_classification
from clinicalbert_tf.tasks.long_documents.attention_vote import NAME as VOTE_NAME
from tests import processes
from tests.support import ROOT
from tfrecords_builder.tokenization import SPECIAL_TOKENS

WORDS = [f"w{number}" for number in range(30)]
_MODEL = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": 16, "type_vocab_size": 2, "initializer_range": 0.2,
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


def write_documents(folder, name, count, seed, several=False):
    """Long documents of which one word at a random place tells the label."""
    draw = np.random.default_rng(seed)
    with open(folder / f"{name}.jsonl", "w") as file:
        for number in range(count):
            label = int(draw.integers(2))
            words = list(draw.choice(WORDS[2:], size=draw.integers(5, 60)))
            words[draw.integers(len(words))] = WORDS[label]
            labels = {"labels": ["ICD9:1"] * label + ["ICD10:1"] * (1 - label)}
            row = {"id": f"{name}{number}", "subject_id": f"{name}{number // 2}", "chunk": 0}
            row |= (labels if several else {"label": label}) | {"text": " ".join(words)}
            file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def settings_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    for kind in ("readmission", "diagnosis"):
        (folder / kind).mkdir()
        for seed, (name, count) in enumerate((("train", 60), ("dev", 12), ("test", 12))):
            write_documents(folder / kind, name, count, seed, kind == "diagnosis")
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL_TOKENS, *WORDS]) + "\n")
    BertConfig(vocab_size=5 + len(WORDS), **_MODEL).write(str(folder / "bert_config.json"))

    def make(output_dir, task="readmission", **changes):
        return {
            "task_name": task, "data_dir": str(folder / task), "output_dir": str(output_dir),
            "vocab_file": str(folder / "vocab.txt"), "do_lower_case": True,
            "bert_config_file": str(folder / "bert_config.json"), "long_documents": True,
            "max_seq_length": 16, "num_train_epochs": 1.0, "train_batch_size": 16,
            "learning_rate": 3e-3, "bootstrap": 20, "report": False, "peak_tflops": 1.0,
            "save_checkpoints_steps": 3, **changes,
        }  # fmt: skip

    return make


def run(given, **watching):
    data = read_data(given)
    return run_classification(prepare(given, data), **watching)


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def predictions_of(folder):
    return list(map(json.loads, (folder / "predictions_test.jsonl").read_text().splitlines()))


@pytest.fixture(scope="module")
def trained(settings_of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, run(settings_of(folder), baseline=True)


@pytest.mark.large
class TestTrained:
    def test_epochs_are_counted_in_chunks(self, trained):
        folder, results = trained
        record = json.loads((folder / "run.json").read_text())
        chunks = record["inputs"]["records"]["num_records"]
        assert chunks > 120
        assert results["step"] == round(chunks / 16)

    def test_predictions_are_by_document_and_equal_the_vote_over_the_chunks(self, trained):
        folder, results = trained
        rows, chunks = (
            read_csv(folder / "predictions.csv"),
            read_csv(folder / "chunk_scores_test.csv"),
        )
        assert [row["ID"] for row in rows] == [f"test{number}" for number in range(12)]
        assert [row["SUBJECT_ID"] for row in rows] == [f"test{number // 2}" for number in range(12)]
        names, voted = documents.vote(
            [row["ID"] for row in chunks], np.array([float(row["score"]) for row in chunks])
        )
        assert names == [row["ID"] for row in rows]
        np.testing.assert_allclose(voted, [float(row["SCORE"]) for row in rows], atol=1e-9)
        scored = results["metrics"]["test"]
        labels = np.array([row["LABEL"] == "1" for row in rows])
        expected = documents.scores(labels, voted)
        for name in ("auroc", "average_precision", "auprc_trapezoid", "rp80", "rp80_flagged"):
            assert scored[name] == pytest.approx(expected[name]), name
        assert (scored["rows"], scored["documents"], scored["chunks"]) == (12, 12, len(chunks))
        assert sum(int(row["CHUNKS"]) for row in rows) == len(chunks)

    def test_intervals_draw_patients_and_the_baseline_is_compared(self, trained):
        metrics = trained[1]["metrics"]
        assert metrics["test"]["intervals_draw"] == "groups"
        assert set(metrics["baseline"]["test"]["difference"]) >= {
            "metric",
            "difference",
            "interval",
        }
        assert metrics["baseline"]["test"]["difference"]["metric"] == "auroc"
        assert sum(metrics["test"]["reliability"]["count"]) == 12

    def test_files_are_private(self, trained):
        for name in os.listdir(trained[0]):
            path = trained[0] / name
            if path.is_file() and not name.startswith("events"):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, name

    def test_run_says_how_it_votes(self, trained):
        labels = json.loads((trained[0] / "labels.json").read_text())
        assert labels["settings"]["vote"] == "paper" and labels["settings"]["long_documents"]


@pytest.fixture(scope="module")
def attended(settings_of, tmp_path_factory):
    """A run with several labels per document and a learnt vote."""
    folder = tmp_path_factory.mktemp("attended")
    return folder, run(settings_of(folder, task="diagnosis", vote="attention"), baseline=True)


@pytest.mark.large
def test_diagnosis_codes_are_scored_by_document_and_compared(attended):
    metrics = attended[1]["metrics"]
    scored = metrics["test"]
    assert set(scored["per_class"]) == {"ICD9:1", "ICD10:1"}
    assert scored["rows"] == scored["documents"] == 12
    assert 0 <= scored["f1_micro"] <= 1 and "auroc_micro" in scored
    assert scored["reasons"]["precision_at_5"] == "fewer than 5 labels"
    theirs = metrics["baseline"]["test"]
    assert theirs["difference"]["metric"] == "f1_micro"
    assert set(theirs["differences"]) == {"f1_micro", "f1_macro", "auroc_micro", "auroc"}
    for name, found in theirs["differences"].items():
        assert found["difference"] == pytest.approx(scored[name] - theirs[name]), name


@pytest.mark.large
def test_attention_vote_is_learnt_kept_and_used_again_by_two_replicas(
    settings_of, attended, tmp_path
):
    folder, first = attended
    assert (folder / VOTE_NAME).exists()
    two = shutil.copytree(folder, tmp_path / "two")
    again = settings_of(
        two, task="diagnosis", vote="attention", do_train=False, do_eval=True, do_test=True,
        eval_batch_size=6, strategy="mirrored", num_replicas=2,
    )  # fmt: skip
    assert run(again)["metrics"]["test"]["f1_micro"] == first["metrics"]["test"]["f1_micro"]
    by_one, by_two = predictions_of(folder), predictions_of(two)
    probabilities = [[list(r.pop("probabilities").values()) for r in by] for by in (by_one, by_two)]
    np.testing.assert_allclose(*probabilities, atol=1e-5)
    assert by_one == by_two


@pytest.mark.large
def test_two_replicas_predict_the_files_of_one(settings_of, trained, tmp_path):
    two = shutil.copytree(trained[0], tmp_path / "two")
    again = {"do_train": False, "do_eval": True, "do_test": True, "eval_batch_size": 6}
    run(settings_of(two, strategy="mirrored", num_replicas=2, **again))
    for name, column in (("predictions.csv", "SCORE"), ("chunk_scores_test.csv", "score")):
        by_one, by_two = read_csv(trained[0] / name), read_csv(two / name)
        scores = [[float(row.pop(column)) for row in rows] for rows in (by_one, by_two)]
        np.testing.assert_allclose(*scores, atol=1e-5, err_msg=name)
        assert by_one == by_two


# Killed while it trains, as soon as a state is saved.
KILLED = """
import json, os, signal, sys
from clinicalbert_tf.tasks.classification.run import prepare, read_data, run_classification
from clinicalbert_tf.training.states.saving import StateSaver

save = StateSaver.save

def save_and_die(*arguments):
    save(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

StateSaver.save = save_and_die
given = json.loads(sys.argv[1])
run_classification(prepare(given, read_data(given)))
"""


@pytest.mark.large
def test_killed_run_resumes_to_the_bit(settings_of, trained, tmp_path):
    unbroken = trained[0]
    given = settings_of(tmp_path)
    done = processes.run(["-c", KILLED, json.dumps(given)], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL, done.stderr
    states = [path.name for path in tmp_path.glob("model.ckpt-*.index")]
    assert states == ["model.ckpt-3.index"] and not (tmp_path / "predictions.csv").exists()
    metrics = run(given)["metrics"]
    assert metrics["test"] == trained[1]["metrics"]["test"]
    for name in ("predictions.csv", "chunk_scores_test.csv", "predictions_test.jsonl"):
        assert (tmp_path / name).read_bytes() == (unbroken / name).read_bytes(), name
    (last,) = unbroken.glob(f"model.ckpt-{trained[1]['step']}.data-*")
    assert (tmp_path / last.name).read_bytes() == last.read_bytes()


@pytest.mark.large
@pytest.mark.parametrize("vote", ["paper", "attention"])
def test_model_predicts_new_texts_as_it_was_evaluated(settings_of, trained, attended, vote):
    from clinicalbert_tf.inference.classification.classifier import load_classifier

    folder = (trained if vote == "paper" else attended)[0]
    task = "readmission" if vote == "paper" else "diagnosis"
    texts = [e.text_a for e in read_data(settings_of(folder, task)).splits["test"].examples]
    rows, found = predictions_of(folder), load_classifier(str(folder))(texts)
    assert [row["label"] for row in found] == [row["predicted"] for row in rows]
    made, expected = ([list(r["probabilities"].values()) for r in by] for by in (found, rows))
    np.testing.assert_allclose(made, expected, atol=1e-4)


def test_pairs_are_refused(settings_of, tmp_path):
    data = read_data(settings_of(tmp_path))
    data.splits["train"].examples[0] = Example("a", "b", "c", "1", "d")
    with pytest.raises(ValueError, match="single texts with --long_documents"):
        prepare(settings_of(tmp_path), data)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

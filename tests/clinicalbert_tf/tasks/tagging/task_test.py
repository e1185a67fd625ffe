import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from clinicalbert_tf.datasets.conll import read_columns
from clinicalbert_tf.metrics.spans import exact_scores
from clinicalbert_tf.tasks.tagging import several
from clinicalbert_tf.tasks.tagging.feature_files import write_feature_files
from clinicalbert_tf.tasks.tagging.inputs import label_weights, prepare
from clinicalbert_tf.tasks.tagging.task import TaggingTask, run_tagging
from tests import support

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large


def test_a_run_learns_and_writes_what_it_says(tagging_run):
    run, results = tagging_run
    assert results["evaluations"]["test"]["f1"] > 0.9
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics) == {"dev", "test"}
    for part, reference_name in (("dev", "eval"), ("test", "test")):
        lines = [
            line.split()
            for line in (run / f"NER_result_conll_{reference_name}.txt").read_text().split("\n")
        ]
        gold, predicted = ([[row[column] for row in lines if row]] for column in (1, 2))
        scores = metrics[part]
        assert scores["exact"]["f1"] == results["evaluations"][part]["f1"]
        assert exact_scores(gold, predicted)["f1"] == pytest.approx(scores["exact"]["f1"])
        assert set(scores) >= {"strict", "overlap", "type", "intervals", "repaired_tags"}
        low, high = scores["intervals"]["f1"]
        assert low <= scores["exact"]["f1"] <= high
        concepts = (run / reference_name / "gold" / "i2b2.con").read_text().split("\n")
        assert len(concepts) == sum(label[0] == "B" for label in gold[0])
    labels = json.loads((run / "labels.json").read_text())
    assert labels["head"] == "tagger" and labels["settings"]["word_rule"] in (
        "punctuation",
        "edges",
    )
    assert (run / "predictions_test.jsonl").stat().st_mode & 0o777 == 0o600


def test_predictions_have_offsets_into_the_sentence(tagging_folder, tagging_run):
    run, _ = tagging_run
    gold = read_columns("test", (tagging_folder / "data" / "test.tsv").read_bytes())
    lines = (run / "predictions_test.jsonl").read_text().splitlines()
    assert len(lines) == len(gold)
    for line, sentence in zip(map(json.loads, lines), gold, strict=True):
        text = " ".join(sentence.words)
        assert line["gold"] == list(sentence.labels) and line["offsets"] == "sentence"
        words = [text[span["start"] : span["end"]] for span in line["spans"]]
        begins = [n for n, label in enumerate(line["predicted"]) if label[0] == "B"]
        assert [word.split()[0] for word in words] == [sentence.words[n] for n in begins]
        assert all(0 < span["probability"] <= 1 for span in line["spans"])


def test_evaluation_alone_gives_the_same_scores(tagging_run, tagging_settings):
    run, results = tagging_run
    again = run_tagging(
        tagging_settings("again", do_train=False, do_eval=True, init_checkpoint=str(run / "best"))
    )
    for part in ("dev", "test"):
        found = again["evaluations"][part]
        assert found["f1"] == results["evaluations"][part]["f1"]


@pytest.mark.parametrize(
    "more",
    [
        {"crf": True},
        {
            "loss": "reference",
            "truncate": True,
            "length_buckets": 0,
            "num_train_epochs": 12.0,
            "max_seq_length": 32,
        },
    ],
    ids=["crf", "reference"],
)
def test_other_losses_learn_too(more, tagging_settings):
    results = run_tagging(tagging_settings("-".join(more), **more))
    assert results["evaluations"]["test"]["f1"] > 0.8


def fake_run(made):
    """A run that writes metrics and its record only."""

    def run(settings):
        made.append(settings)
        full, evaluated, sizes = settings, ("test",), {}
        if settings.do_train:
            full, prepared = prepare(settings)
            evaluated = prepared.evaluated
            sizes = {part: len(of.sentences) for part, of in prepared.words.items()}
        exact = {"precision": 0.5, "recall": 0.5, "f1": 0.1 * len(made)}
        metrics = {part: {"exact": exact, "sizes": sizes} for part in evaluated}
        for name, content in (
            ("metrics.json", metrics),
            ("run.json", {"settings": dataclasses.asdict(full)}),
        ):
            with open(f"{settings.output_dir}/{name}", "w") as file:
                json.dump(content, file)

    return run


def test_folds_are_runs_of_their_own_and_are_not_run_twice(tagging_settings):
    settings = tagging_settings("folds", cross_validation=3)
    made = []
    summary = several.run_folds(settings, fake_run(made))
    assert [of.fold for of in made] == [0, 1, 2]
    assert len({of.output_dir for of in made}) == 3 and all(of.do_predict for of in made)
    assert summary["over_runs"]["test"]["f1"]["mean"] == pytest.approx(0.2)
    several.run_folds(settings, fake_run(made))
    assert len(made) == 3
    with open(f"{settings.output_dir}/2/metrics.json") as file:
        # The last fold tests the original 30 sentences.
        assert json.load(file)["test"]["sizes"] == {"train": 75, "dev": 75, "test": 30}


def test_seeds_and_their_mean(tagging_settings):
    settings, made = tagging_settings("seeds"), []
    summary = several.run_seeds(settings, [3, 1], fake_run(made))
    assert [of.seed for of in made] == [3, 1]
    assert summary["over_runs"]["dev"]["f1"]["values"] == pytest.approx([0.1, 0.2])
    # A run with other settings is made again.
    several.run_seeds(dataclasses.replace(settings, crf=True), [3], fake_run(made))
    assert len(made) == 3


def test_a_sweep_tests_the_best_on_dev_once(tagging_folder, tagging_settings):
    (tagging_folder / "grid").write_text("--learning_rate=1e-2,2e-2\n--train_batch_size=16,32\n")
    made = []
    summary = several.run_sweep(
        tagging_settings("sweep"), str(tagging_folder / "grid"), fake_run(made)
    )
    assert len(made) == 5 and [of.do_predict for of in made] == [False] * 4 + [True]
    assert summary["sweep"]["chosen"] == "learning_rate=0.02,train_batch_size=32"
    assert made[-1].init_checkpoint == f"{made[3].output_dir}/best" and not made[-1].do_train
    assert summary["test"]["f1"] == pytest.approx(0.5)


@pytest.mark.parametrize("truncate", [False, True])
def test_features_are_written(tagging_folder, tagging_settings, truncate):
    folder = tagging_folder / f"features-{truncate}"
    settings = tagging_settings("none", truncate=truncate, bert_config_file=None)
    written = write_feature_files(str(folder), settings)
    lines = (folder / "dev_features.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["guid"] for row in rows} == {f"dev-{n}" for n in range(30)}
    assert written[str(folder / "dev.tfrecord")] == len(rows)
    records = list(tf.data.TFRecordDataset(str(folder / "dev.tfrecord")).as_numpy_iterator())
    for record, row in zip(records, rows, strict=True):
        found = {
            name: list(feature.int64_list.value)
            for name, feature in tf.train.Example.FromString(record).features.feature.items()
        }
        assert len(found["input_ids"]) == len(found["label_ids"]) == 16
        assert found["input_ids"][: len(row["input_ids"])] == row["input_ids"]
        if truncate:
            assert found["label_ids"] == row["label_ids"]
        else:
            assert np.flatnonzero(found["label_ids"]).tolist() == row["positions"]
    assert (folder / "token_test.txt").exists() == truncate
    assert (folder / "tok_to_orig_map_test.txt").exists() == truncate


def test_label_weights_from_the_flag(tagging_folder):
    sentences = read_columns("f", b"a B-p\nb O\nc O\nd O\n")
    labels = ("B-p", "I-p", "O")
    assert label_weights(None, labels, sentences) is None
    assert label_weights("B-p=2.5", labels, sentences) == (2.5, 1.0, 1.0)
    balanced = label_weights("balanced", labels, sentences)
    assert balanced == pytest.approx((4 / 3, 4 / 3, 4 / 9))
    for wrong in ("B-q=1", "B-p=0", "B-p=x", "B-p"):
        with pytest.raises(ValueError, match="--label_weights"):
            label_weights(wrong, labels, sentences)


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"max_seq_length": 100}, ValueError, "max_position_embeddings"),
        ({"window_stride": 15}, ValueError, "--window_stride"),
        ({"loss": "reference"}, ValueError, "--truncate"),
        ({"data_dir": "/nowhere"}, FileNotFoundError, "--data_dir"),
        ({"eval_steps": 5, "evaluate_dev": False}, ValueError, "--eval_steps"),
    ],
)
def test_settings_that_do_not_fit(more, error, message, tagging_settings):
    with pytest.raises(error, match=message):
        prepare(tagging_settings("wrong", **more))


def test_a_missing_part_is_named(tagging_folder, tagging_settings):
    folder = tagging_folder / "train_only"
    folder.mkdir()
    (folder / "train.tsv").write_bytes((tagging_folder / "data" / "train.tsv").read_bytes())
    settings, prepared = prepare(tagging_settings("parts", data_dir=str(folder)))
    assert prepared.evaluated == ("dev",) and settings.num_train_steps
    with pytest.raises(FileNotFoundError, match=r"test in .*--do_predict"):
        prepare(tagging_settings("parts", data_dir=str(folder), do_predict=True))


def test_a_raw_release_leaves_scores_and_a_list_of_what_was_dropped(tagging_settings, tmp_path):
    raw = support.GOLDEN / "i2b2_raw" / "input"
    settings, prepared = prepare(
        tagging_settings("raw", task_name="i2b2_2014", data_dir=str(raw / "i2b2_2014"))
    )
    task = TaggingTask(settings, prepared)
    shape = (16, len(prepared.labels))
    logits = [np.zeros(shape, np.float32) for _ in prepared.words["test"].windows]
    task.finish("test", {"global_step": 1, "loss": 1.0}, {"logits": logits}, str(tmp_path))
    scores = json.loads((tmp_path / "metrics.json").read_text())["test"]
    assert scores["phi"]["scored_by"] == "document" and scores["phi"]["documents"] == 2
    listed = json.loads((tmp_path / "annotations.json").read_text())
    assert listed["counts"] == prepared.account.counts() != {}
    assert all(set(row) == {"reason", "document", "annotation"} for row in listed["annotations"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

import json

import pytest

from clinicalbert_tf.datasets.conll import read_columns
from clinicalbert_tf.metrics.spans import exact_scores
from clinicalbert_tf.tasks.tagging.cross_validation import run_folds
from clinicalbert_tf.tasks.tagging.inputs import label_weights, prepare
from clinicalbert_tf.tasks.tagging.task import run_tagging


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
@pytest.mark.large
def test_other_losses_learn_too(more, tagging_settings):
    results = run_tagging(tagging_settings("-".join(more), **more))
    assert results["evaluations"]["test"]["f1"] > 0.8


def test_folds_are_runs_of_their_own_and_are_not_run_twice(tagging_settings):
    settings = tagging_settings("folds", cross_validation=3)
    made = []

    def run(of_fold):
        made.append(of_fold)
        _, prepared = prepare(of_fold)
        sizes = [len(prepared.words[part].sentences) for part in ("train", "dev", "test")]
        scores = {"precision": 0.5, "recall": 0.5, "f1": 0.1 * of_fold.fold}
        metrics = {"test": {"exact": scores, "sizes": sizes}}
        with open(f"{of_fold.output_dir}/metrics.json", "w") as file:
            json.dump(metrics, file)

    summary = run_folds(settings, run)
    assert [of.fold for of in made] == [0, 1, 2]
    assert len({of.output_dir for of in made}) == 3 and all(of.do_predict for of in made)
    assert summary["mean"]["f1"] == pytest.approx(0.1)
    run_folds(settings, run)
    assert len(made) == 3
    with open(f"{settings.output_dir}/2/metrics.json") as file:
        # The last fold tests the original 30 sentences.
        assert json.load(file)["test"]["sizes"] == [75, 75, 30]


def test_features_are_written(tagging_folder, tagging_settings):
    prepare(tagging_settings("features", write_features=True))
    rows = [
        json.loads(line)
        for line in (tagging_folder / "features" / "dev_features.jsonl").read_text().splitlines()
    ]
    assert {row["guid"] for row in rows} == {f"dev-{n}" for n in range(30)}
    assert all(len(row["input_ids"]) <= 16 for row in rows)
    assert all(len(row["positions"]) == len(row["labels"]) for row in rows)


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

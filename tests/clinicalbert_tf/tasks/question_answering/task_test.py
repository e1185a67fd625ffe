import json

import pytest

import clinicalbert_tf
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.embedded_questions import invented_questions
from clinicalbert_tf.tasks.question_answering.settings import QuestionAnsweringSettings
from clinicalbert_tf.tasks.question_answering.task import read_threshold, run_question_answering
from tfrecords_builder.vocabulary import learn_vocabulary, write_vocabulary

# Every test here trains, or uses what a fixture has trained.
pytestmark = pytest.mark.large
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}


def contexts(content):
    return {
        qa["id"]: paragraph["context"]
        for article in content["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Questions of three files and a tiny model; every fourth question has no answer."""
    folder = tmp_path_factory.mktemp("questions")
    for name, notes, seed in (("train", 30, 1), ("dev", 10, 2), ("predict", 10, 3)):
        content = invented_questions(notes, seed)
        for number, article in enumerate(content["data"]):
            for qa in article["paragraphs"][0]["qas"]:
                qa["is_impossible"] = number % 4 == 0
                if qa["is_impossible"]:
                    qa["answers"] = []
        (folder / f"{name}.json").write_text(json.dumps(content))
    texts = list(contexts(json.loads((folder / "train.json").read_text())).values())
    write_vocabulary(str(folder / "vocab.txt"), learn_vocabulary(texts, 200, do_lower_case=False))
    rows = len((folder / "vocab.txt").read_text().splitlines())
    BertConfig(vocab_size=rows, **SMALL).write(str(folder / "bert_config.json"))
    return folder


def settings(folder, output, **more):
    given = {
        "output_dir": str(folder / output),
        "bert_config_file": str(folder / "bert_config.json"),
        "train_file": str(folder / "train.json"),
        "dev_file": str(folder / "dev.json"),
        "predict_file": str(folder / "predict.json"),
        "version_2_with_negative": True,
        "do_eval": True,
        "do_predict": True,
        "max_seq_length": 40,
        "doc_stride": 16,
        "max_query_length": 12,
        "train_batch_size": 16,
        "num_train_steps": 8,
        "learning_rate": 1e-3,
        "save_checkpoints_steps": 100,
        "report": False,
        "peak_tflops": 1.0,
    }
    return QuestionAnsweringSettings(**(given | more))


@pytest.fixture(scope="module")
def trained(folder):
    return run_question_answering(settings(folder, "run", eval_steps=4, length_buckets=8))


def test_every_question_is_answered_in_order_with_its_offsets(folder, trained):
    expected = contexts(json.loads((folder / "predict.json").read_text()))
    answers = json.loads((folder / "run/predictions.json").read_text())
    assert list(answers) == list(expected)
    lines = (folder / "run/predictions.jsonl").read_text().splitlines()
    for line in map(json.loads, lines):
        assert answers[line["id"]] == line["text"]
        if line["start"] is None:
            assert line["text"] == ""
        else:
            assert expected[line["id"]][line["start"] : line["end"]] == line["text"]
    assert len(lines) == len(expected)
    odds = json.loads((folder / "run/null_odds.json").read_text())
    assert list(odds) == list(expected)


def test_results_hold_the_official_scores_and_their_intervals(folder, trained):
    for split, where in (("dev", "run/dev"), ("predict", "run")):
        results = trained["evaluations"][split]
        assert {"exact", "f1", "HasAns_f1", "NoAns_f1", "best_f1_thresh", "loss"} <= set(results)
        written = json.loads((folder / where / "metrics.json").read_text())
        assert written["f1"] == results["f1"]
        low, high = written["intervals_95"]["f1"]
        assert low <= results["f1"] <= high
    assert trained["train"]["loss"] < 4


def test_threshold_chosen_on_dev_is_kept_and_used(folder, trained):
    threshold = read_threshold(str(folder / "run"))
    assert threshold == trained["evaluations"]["dev"]["best_f1_thresh"]
    answers = json.loads((folder / "run/predictions.json").read_text())
    odds = json.loads((folder / "run/null_odds.json").read_text())
    assert {name: text == "" for name, text in answers.items()} == {
        name: odd > threshold for name, odd in odds.items()
    }


def test_folder_says_what_the_model_is_for(folder, trained):
    described = json.loads((folder / "run/labels.json").read_text())
    assert (described["head"], described["max_seq_length"]) == ("span", 40)
    assert described["settings"]["doc_stride"] == 16
    assert described["do_lower_case"] is False


def test_finished_run_answers_questions_again_with_its_best_weights(folder, trained):
    before = json.loads((folder / "run/predictions.json").read_text())
    again = {"do_train": False, "train_file": None, "dev_file": None, "bert_config_file": None}
    results = run_question_answering(settings(folder, "run", length_buckets=8, **again))
    expected = trained["evaluations"]["predict"]
    assert results["evaluations"]["predict"] == pytest.approx(expected, rel=1e-5)
    assert json.loads((folder / "run/predictions.json").read_text()) == before


def test_another_run_starts_from_its_best_head_included(folder, trained):
    other = {"do_train": False, "train_file": None, "dev_file": None, "bert_config_file": None}
    first = settings(folder, "first", init_checkpoint=str(folder / "run/best"), **other)
    results = run_question_answering(first)
    expected = trained["evaluations"]["predict"]
    assert results["evaluations"]["predict"]["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    made = json.loads((folder / "first/nbest_predictions.json").read_text())
    assert list(made) == list(json.loads((folder / "run/predictions.json").read_text()))


@pytest.fixture(scope="module")
def answerer(folder, trained):
    return clinicalbert_tf.pipeline("question_answering", str(folder / "run"))


def test_pipeline_gives_the_answers_of_the_run(folder, answerer):
    content = json.loads((folder / "predict.json").read_text())
    expected = json.loads((folder / "run/predictions.json").read_text())
    lines = map(json.loads, (folder / "run/predictions.jsonl").read_text().splitlines())
    shares = {line["id"]: line["probability"] for line in lines}
    for article in content["data"][:3]:
        paragraph = article["paragraphs"][0]
        for qa in paragraph["qas"]:
            made = answerer(question=qa["question"], context=paragraph["context"])
            assert made["answer"] == expected[qa["id"]]
            assert made["score"] == pytest.approx(shares[qa["id"]], abs=1e-4)


def test_pipeline_takes_contexts_of_any_length_lists_and_empty_texts(answerer):
    long = "He was started on warfarin. " * 300 + "Age: 61 years."
    several = answerer(question=["How old is he?", "Which drug?"], context=[long, ""], top_k=3)
    assert len(several) == 2 and len(several[0]) == 3
    for answer in several[0]:
        if answer["start"] is not None:
            assert long[answer["start"] : answer["end"]] == answer["answer"]
    assert several[1] == [{"answer": "", "start": None, "end": None, "score": 1.0}]
    assert len(answerer(question=["a", "b"], context=long)) == 2
    with pytest.raises(ValueError, match="one for each of 2, received 3"):
        answerer(question=["a", "b"], context=["x"] * 3)


def test_pipeline_refuses_another_task_and_a_model_without_a_head(folder, trained):
    with pytest.raises(ValueError, match="Expected a task of"):
        clinicalbert_tf.pipeline("questions", str(folder / "run"))


def test_reference_form_trains_and_answers(folder):
    results = run_question_answering(
        settings(
            folder,
            "reference",
            answers="reference",
            num_train_steps=2,
            dev_file=None,
            length_buckets=0,
            optimizer="reference",
        )
    )
    assert 0 <= results["evaluations"]["predict"]["f1"] <= 100
    assert len(json.loads((folder / "reference/predictions.json").read_text())) == 30


def test_windows_longer_than_the_models_positions_are_refused(folder):
    with pytest.raises(ValueError, match="--max_seq_length of at most 64"):
        run_question_answering(settings(folder, "none", max_seq_length=65))


def test_no_model_is_an_error_that_names_the_flags(folder):
    with pytest.raises(FileNotFoundError, match="--init_checkpoint, or --bert_config_file"):
        run_question_answering(settings(folder, "none", bert_config_file=None))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

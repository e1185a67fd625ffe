import json

import numpy as np
import pytest

from clinicalbert_tf.tasks.question_answering.data import (
    array_source,
    questions_to_answer,
    read_training_sets,
    windows_to_train,
)
from clinicalbert_tf.tasks.question_answering.settings import QuestionAnsweringSettings
from clinicalbert_tf.texts.question_answering.question import Answer, Question
from clinicalbert_tf.texts.question_answering.windows import NO_ANSWER
from tfrecords_builder.tokenization import BertTokenizer

CONTEXT = "He has chest pain since Monday, and no other pain was noted at the clinic today."


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    words = CONTEXT.replace(",", " ,").replace(".", " .").split()
    rows = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(words), "Why", "?"]
    path.write_text("\n".join(rows) + "\n")
    return BertTokenizer(str(path), do_lower_case=False)


def settings(tmp_path, **more):
    small = {"max_seq_length": 14, "doc_stride": 5, "max_query_length": 4}
    return QuestionAnsweringSettings(
        **{
            "output_dir": str(tmp_path),
            "do_train": False,
            "do_eval": True,
            "dev_file": "dev.json",
            **small,
            **more,
        }
    )


def write(path, *qas):
    article = {"title": "a", "paragraphs": [{"context": CONTEXT, "qas": list(qas)}]}
    path.write_text(json.dumps({"data": [article]}))
    return str(path)


def qa(name, text=None, start=None, **fields):
    answers = [] if text is None else [{"text": text, "answer_start": start}]
    return {"id": name, "question": "Why ?", "answers": answers, **fields}


def test_misplaced_answers_stop_training_unless_left_out(tmp_path):
    path = write(tmp_path / "q.json", qa("good", "chest", 7), qa("bad", "pain", 0))
    with pytest.raises(ValueError, match="'bad'"):
        read_training_sets(settings(tmp_path, train_file=path))
    asked = settings(tmp_path, train_file=path, leave_out_misplaced_answers=True)
    train, held_out = read_training_sets(asked)
    assert [q.question_id for q in train] == ["good"] and held_out == []


def test_question_without_an_answer_needs_version_2(tmp_path, tokenizer):
    path = write(tmp_path / "q.json", qa("none", is_impossible=True), qa("one", "chest", 7))
    with pytest.raises(ValueError, match=r"'none'.*--version_2_with_negative"):
        read_training_sets(settings(tmp_path, train_file=path))
    asked = settings(tmp_path, train_file=path, version_2_with_negative=True)
    windows = windows_to_train(read_training_sets(asked)[0], asked, tokenizer)
    assert sum(window.positions == NO_ANSWER for window in windows) > 1
    assert sum(window.positions != NO_ANSWER for window in windows) >= 1


def test_list_question_trains_each_of_its_answers(tmp_path, tokenizer):
    answers = (Answer("chest", 7), Answer("Monday", CONTEXT.index("Monday")))
    question = Question("q", "Why ?", CONTEXT, answers, kind="list")
    windows = windows_to_train([question], settings(tmp_path), tokenizer)
    starts = {window.first_piece + window.positions[0] - window.context_start for window in windows}
    assert starts == {2, 5}


def test_misplaced_answer_is_answered_and_scored_but_has_no_target(tmp_path, tokenizer):
    questions = [
        Question("bad", "Why ?", CONTEXT, (Answer("pain", 0),)),
        Question("good", "Why ?", CONTEXT, (Answer("chest", 7),)),
        Question("unknown", "Why ?", CONTEXT),
    ]
    asked = questions_to_answer("f", questions, settings(tmp_path), tokenizer)
    assert [q.question_id for q in asked.questions] == ["bad", "good", "unknown"]
    count = len(asked.encoded[0].windows)
    assert [t is not None for t in asked.targets[:count]] == [False] * count
    assert sum(t is not None for t in asked.targets[count : 2 * count]) >= 1
    assert len(asked.targets) == len(asked.windows) == 3 * count


def test_arrays_hold_windows_and_targets(tmp_path, tokenizer):
    question = Question("good", "Why ?", CONTEXT, (Answer("chest", 7),))
    asked = questions_to_answer("f", [question], settings(tmp_path), tokenizer)
    source = array_source(asked.windows, asked.targets, 14, "f")
    features = source.parser("x")(np.arange(source.num_examples), 0)
    np.testing.assert_array_equal(
        features["target_weights"], [target is not None for target in asked.targets]
    )
    for row, window in enumerate(asked.windows):
        used = len(window.token_ids)
        np.testing.assert_array_equal(features["token_ids"][row, :used], window.token_ids)
        segments = np.arange(14) >= window.context_start
        np.testing.assert_array_equal(
            features["segment_ids"][row], segments & (np.arange(14) < used)
        )


def test_no_window_to_train_on_is_an_error(tmp_path, tokenizer):
    question = Question("q", "Why ?", CONTEXT, (Answer(CONTEXT, 0),))
    with pytest.raises(ValueError, match="received none from 1 questions"):
        windows_to_train([question], settings(tmp_path), tokenizer)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"do_train": True}, "Expected --train_file with --do_train"),
        ({"do_predict": True}, "Expected --predict_file with --do_predict"),
        ({"dev_file": None}, "Expected --dev_file, --dev_proportion or --predict_file with"),
        (
            {
                "do_predict": True,
                "predict_file": "p",
                "do_train": True,
                "train_file": "t",
                "do_eval": False,
            },
            "Expected --do_eval with --do_predict",
        ),
        ({"max_query_length": 20}, "Expected max_seq_length greater than max_query_length"),
        ({"dev_file": "d", "dev_proportion": 0.1}, "--dev_file or --dev_proportion"),
        ({"answers": "reference", "length_buckets": 8}, "Expected --length_buckets=0"),
        ({"answers": "other"}, "--answers to be one of corrected, reference"),
    ],
)
def test_settings_that_contradict_each_other(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        settings(tmp_path, **given)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

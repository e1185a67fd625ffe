"""Added tokens of the checkpoint to start from: found in fine-tuning, in its folder, in exports."""

import csv
import json
import os
import shutil

import pytest

import clinicalbert_tf
from clinicalbert_tf.checkpoints.detect import open_checkpoint
from clinicalbert_tf.checkpoints.readers.huggingface_added_tokens import tokens_without_graph
from clinicalbert_tf.checkpoints.vocabulary_check import settle_casing
from clinicalbert_tf.checkpoints.writers.conversion import ConversionSettings, convert
from clinicalbert_tf.checkpoints.writers.graph_tokenizer import GraphTokenizer
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling import build_backbone
from clinicalbert_tf.tasks.classification.run import prepare, read_data, run_classification
from clinicalbert_tf.tasks.classification.task import ClassificationTask
from clinicalbert_tf.tasks.question_answering.inputs import prepare as prepare_questions
from clinicalbert_tf.tasks.question_answering.settings import QuestionAnsweringSettings
from clinicalbert_tf.tasks.starting_model import find_model, find_tokenizer
from clinicalbert_tf.tasks.tagging.inputs import prepare as prepare_tagging
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.texts.question_answering.question import Question
from clinicalbert_tf.texts.question_answering.windows import WindowMaker, WindowSettings
from clinicalbert_tf.training.settings import RunSettings
from tfrecords_builder.tokenization import AddedToken, BertTokenizer

BASE = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "pain", "fever", "dose", "of", "[", "]", "?"]
ADDED = ["[DOSE]", "covid19"]
TEXT = "pain [DOSE] covid19 fever"
IDS = [5, len(BASE), len(BASE) + 1, 6]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint whose added tokens stand in added_tokens.json alone."""
    folder = tmp_path_factory.mktemp("added") / "model"
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(f"{row}\n" for row in BASE))
    rows = {token: len(BASE) + place for place, token in enumerate(ADDED)}
    (folder / "added_tokens.json").write_text(json.dumps(rows))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    config = BertConfig(len(BASE) + 2, 8, 1, 2, 12, max_position_embeddings=32, type_vocab_size=2)
    config.write(folder / "bert_config.json")
    write_tf1_checkpoint(build_backbone(config), folder / "model.ckpt-1")
    return str(folder)


@pytest.fixture(scope="module")
def given(checkpoint, tmp_path_factory):
    """Settings of a run over four texts."""
    data = tmp_path_factory.mktemp("data")
    for split in ("train", "dev", "test"):
        with open(data / f"{split}.csv", "w", newline="") as file:
            csv.writer(file).writerows(
                [["text", "label"], [TEXT, "a"], ["fever", "b"], ["pain", "b"], [TEXT, "a"]]
            )
    return {
        "init_checkpoint": checkpoint,
        "task_name": "csv",
        "data_dir": str(data),
        "text_a": "text",
        "label": "label",
        "problem_type": "single",
        "bootstrap": 0,
        "peak_tflops": 1.0,
        "max_seq_length": 8,
        "train_batch_size": 2,
        "num_train_steps": 2,
        "output_dir": str(data / "out"),
        "report": False,
    }


@pytest.fixture(scope="module")
def run(given):
    """The folder of a fine-tuned run."""
    run_classification(prepare(given, read_data(given)))
    return given["output_dir"]


def tokenizer_of(folder):
    return settle_casing(open_checkpoint(folder)).tokenizer()


@pytest.mark.large
def test_fine_tuning_keeps_them_in_pipeline_and_exports(run, checkpoint, tmp_path):
    assert tokenizer_of(checkpoint).encode(TEXT) == IDS
    for folder in (run, os.path.join(run, "best")):
        assert tokenizer_of(folder).encode(TEXT) == IDS
    classify = clinicalbert_tf.pipeline("classification", run)
    assert classify.fine_tuned.tokenizer.encode(TEXT) == IDS
    made = convert(ConversionSettings(run, str(tmp_path / "hf"), "huggingface"))
    assert tokenizer_of(made.target).encode(TEXT) == IDS
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(made.target)
    assert theirs(TEXT, add_special_tokens=False)["input_ids"] == IDS


def test_a_run_is_evaluated_with_them_by_its_folder_alone(run, given):
    again = {**given, "init_checkpoint": None, "do_train": False, "do_eval": True}
    prepared = prepare(again, read_data(again))
    inputs = ClassificationTask(prepared.settings, prepared.data, prepared.evaluated).find_inputs(
        prepared.settings
    )
    assert inputs.init_checkpoint is None
    # [CLS] and [SEP] are counted too.
    assert inputs.eval_sources["dev"].token_counts.tolist() == [6, 3, 3, 6]
    assert find_model(prepared.settings).tokenizer().encode(TEXT) == IDS
    assert "tokenizer_config.json" in inputs.files


def test_a_vocabulary_without_their_rows_may_be_given(checkpoint, tmp_path):
    vocab_file = shutil.copy(os.path.join(checkpoint, "vocab.txt"), tmp_path / "base.txt")
    settings = RunSettings(
        output_dir=str(tmp_path), init_checkpoint=checkpoint, vocab_file=vocab_file
    )
    assert find_tokenizer(settings).encode(TEXT) == IDS


def test_tagging_and_questions_find_them(checkpoint, tmp_path):
    (tmp_path / "train.tsv").write_text("".join(f"{word}\tO\n" for word in TEXT.split()) + "\n")
    settings = TaggingSettings(
        output_dir=str(tmp_path / "tags"), init_checkpoint=checkpoint, data_dir=str(tmp_path),
        max_seq_length=8, do_predict=False,
    )  # fmt: skip
    _, prepared = prepare_tagging(settings)
    assert prepared.words["train"].windows[0].token_ids.tolist() == [2, *IDS, 3]
    assert "tokenizer_config.json" in prepared.model.files()
    qa = {"id": "1", "question": "dose?", "answers": [{"text": "[DOSE]", "answer_start": 5}]}
    squad = {"version": "1.1", "data": [{"paragraphs": [{"context": TEXT, "qas": [qa]}]}]}
    (tmp_path / "squad.json").write_text(json.dumps(squad))
    _, asked = prepare_questions(
        QuestionAnsweringSettings(
            output_dir=str(tmp_path / "qa"), init_checkpoint=checkpoint,
            train_file=str(tmp_path / "squad.json"), max_seq_length=16, max_query_length=4,
            doc_stride=4,
        )
    )  # fmt: skip
    window = asked.training_windows[0]
    assert window.token_ids.tolist() == [2, 7, 11, 3, *IDS, 3]
    assert window.positions == (5, 5)


def test_one_with_a_space_is_found_in_questions_and_not_in_contexts(tmp_path):
    (tmp_path / "vocab.txt").write_text("".join(f"{row}\n" for row in [*BASE, "dose of"]))
    token = AddedToken("dose of", len(BASE))
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"), True, [token])
    encoded = WindowMaker(tokenizer, WindowSettings(16, 4, 4)).encode(
        Question("q", "dose of ?", "pain dose of")
    )
    assert encoded.windows[0].token_ids.tolist() == [2, len(BASE), 11, 3, 5, 7, 8, 3]


def test_single_word_only_is_text_to_a_saved_models_tokenizer(tmp_path):
    (tmp_path / "vocab.txt").write_text("".join(f"{row}\n" for row in [*BASE, "[DOSE]"]))
    token = AddedToken("[DOSE]", len(BASE), single_word=True)
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"), True, [token])
    assert tokenizer.encode("pain [DOSE]") == [5, len(BASE)]
    in_graph = GraphTokenizer(tokenizer, 16).tokenize(["pain [DOSE]"])
    assert in_graph.to_list() == [[5, 9, 7, 10]]
    assert tokens_without_graph([token]) == (token,)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

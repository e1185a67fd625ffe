"""Invented sentences, a tiny model and one trained run that tests share."""

import pytest

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.embedded_entities import column_lines, invented_sentences
from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
from clinicalbert_tf.tasks.tagging.task import run_tagging
from tfrecords_builder.vocabulary import learn_vocabulary, write_vocabulary

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "initializer_range": 0.1,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


@pytest.fixture(scope="session")
def tagging_folder(tmp_path_factory):
    """data/{train,dev,test}.tsv, vocab.txt and bert_config.json."""
    folder = tmp_path_factory.mktemp("tagging")
    (folder / "data").mkdir()
    for part, count, seed in (("train", 120, 1), ("dev", 30, 2), ("test", 30, 3)):
        sentences = invented_sentences(count, seed)
        (folder / "data" / f"{part}.tsv").write_text(column_lines(sentences))
    texts = [" ".join(word for word, _ in of) for of in invented_sentences(200, 1)]
    rows = learn_vocabulary(texts, 300, do_lower_case=False)
    write_vocabulary(str(folder / "vocab.txt"), rows)
    BertConfig(vocab_size=len(rows), **SMALL).write(str(folder / "bert_config.json"))
    return folder


@pytest.fixture(scope="session")
def tagging_settings(tagging_folder):
    """A function from an output folder's name and further settings to TaggingSettings."""

    def settings(output, **more):
        given = {
            "output_dir": str(tagging_folder / output),
            "data_dir": str(tagging_folder / "data"),
            "vocab_file": str(tagging_folder / "vocab.txt"),
            "bert_config_file": str(tagging_folder / "bert_config.json"),
            "do_lower_case": False,
            "do_eval": True,
            "max_seq_length": 16,
            "learning_rate": 1e-2,
            "num_train_epochs": 6.0,
            "report": False,
            "bootstrap": 20,
            "peak_tflops": 1.0,
        }
        return TaggingSettings(**{**given, **more})

    return settings


@pytest.fixture(scope="session")
def tagging_run(tagging_folder, tagging_settings):
    """The folder of a run that was trained and evaluated, and its results."""
    results = run_tagging(tagging_settings("run"))
    return tagging_folder / "run", results

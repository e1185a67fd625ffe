"""A tiny model and tiny pairs for whole runs."""

import csv

import numpy as np
import pytest

from clinicalbert_tf.config import BertConfig

WORDS = [
    "fever",
    "cough",
    "pain",
    "rash",
    "stable",
    "discharged",
    "aspirin",
    "no",
    "denies",
    "chest",
]


@pytest.fixture(scope="package")
def tiny_model(tmp_path_factory):
    """Flags of a model with fresh weights: 2 layers of 32."""
    folder = tmp_path_factory.mktemp("model")
    rows = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(rows) + "\n")
    BertConfig(
        vocab_size=len(rows), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=32, type_vocab_size=2,
        initializer_range=0.2,
    ).write(folder / "bert_config.json")  # fmt: skip
    return {
        "bert_config_file": str(folder / "bert_config.json"),
        "vocab_file": str(folder / "vocab.txt"),
        "do_lower_case": True,
    }


@pytest.fixture(scope="package")
def pair_files(tmp_path_factory):
    """Folder of train, dev and test CSV files: pairs that share a word or not."""
    folder = tmp_path_factory.mktemp("pairs")
    generator = np.random.default_rng(0)
    for split, count in (("train", 60), ("dev", 21), ("test", 17)):
        with open(folder / f"{split}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "first", "second", "same", "patient"])
            for number in range(count):
                first = generator.choice(WORDS, generator.integers(1, 9))
                second = first[:2] if number % 3 == 0 else generator.choice(WORDS, 3)
                label = "yes" if number % 3 == 0 else "no"
                row = [f"{split}{number:02}", " ".join(first), " ".join(second), label]
                writer.writerow([*row, f"p{number % 7}"])
    return str(folder)


@pytest.fixture(scope="package")
def pair_settings(tiny_model, pair_files):
    """Settings by name of a run over these pairs, without output_dir."""
    return {
        **tiny_model,
        "task_name": "csv",
        "data_dir": pair_files,
        "text_a": "first",
        "text_b": "second",
        "label": "same",
        "group": "patient",
        "problem_type": "single",
        "max_seq_length": 16,
        "train_batch_size": 8,
        "num_train_epochs": 2.0,
        "learning_rate": 1e-3,
        "class_weights": "no=1,yes=3",
        "bootstrap": 50,
        "report": False,
        "peak_tflops": 1.0,
    }

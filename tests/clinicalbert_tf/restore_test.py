"""The command `restore`: it has the flag that its error asks for."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from clinicalbert_tf.checkpoints.readers.huggingface_names import to_huggingface
from clinicalbert_tf.checkpoints.source import reference_shapes
from clinicalbert_tf.config import BertConfig
from tests.support import ROOT

WORDS = ["Pain", "Chest", "Fever", "Cough", "pain", "chest"]
ROWS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "clinicalbert_tf.restore", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_model_of_two_casings_opens_with_the_flag(tmp_path):
    config = BertConfig(
        vocab_size=len(ROWS), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=8, type_vocab_size=2,
    )  # fmt: skip
    values = {**config.to_dict(), "hidden_act": "gelu_new", "model_type": "bert"}
    (tmp_path / "config.json").write_text(json.dumps(values))
    (tmp_path / "vocab.txt").write_text("\n".join(ROWS) + "\n")
    # Its own file says the opposite of its vocabulary.
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    arrays = {n: np.zeros(shape, np.float32) for n, shape in reference_shapes(config).items()}
    save_file(to_huggingface(arrays), tmp_path / "model.safetensors")
    refused = command(tmp_path)
    assert refused.returncode == 1 and "do_lower_case" in refused.stderr
    opened = command(tmp_path, "--nodo_lower_case")
    assert opened.returncode == 0, opened.stderr
    assert "cased text" in opened.stdout and "do_lower_case=False" in opened.stdout


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

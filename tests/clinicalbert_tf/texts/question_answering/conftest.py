"""What the tests of question answering share: the golden folder, its tokenizers, batches."""

import json

import numpy as np
import pytest

from clinicalbert_tf.tasks.question_answering.data import array_source
from tests.support import GOLDEN
from tfrecords_builder.tokenization import BertTokenizer


@pytest.fixture(scope="session")
def golden():
    return GOLDEN / "question_answering"


@pytest.fixture(scope="session")
def read_golden(golden):
    """Reads a JSON or JSON lines file of the golden folder."""

    def read(name):
        text = (golden / name).read_text(encoding="utf-8")
        if name.endswith(".jsonl"):
            # Not splitlines(): U+2028 and others stand inside strings.
            return [json.loads(line) for line in text.split("\n") if line]
        return json.loads(text)

    return read


@pytest.fixture(scope="session")
def as_batch():
    """Windows as the model is given them: {name of the golden features: int [windows, length]}."""
    names = {"input_ids": "token_ids", "input_mask": "padding_mask", "segment_ids": "segment_ids"}

    def make(windows, length):
        source = array_source(windows, [None] * len(windows), length, "q.json")
        features = source.parser("evaluation")(np.arange(len(windows)), 0)
        return {golden: features[name].numpy() for golden, name in names.items()}

    return make


@pytest.fixture(scope="session")
def tokenizers():
    """{"cased", "uncased"}: the tokenizers that the golden features were made with."""
    return {
        "cased": BertTokenizer(str(GOLDEN / "vocab/downstream_cased.txt"), do_lower_case=False),
        "uncased": BertTokenizer(str(GOLDEN / "vocab/uncased.txt"), do_lower_case=True),
    }

"""What the tests of question answering share: the golden folder and its tokenizers."""

import json
import pathlib

import pytest

from tfrecords_builder.tokenization import BertTokenizer

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "golden"


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
def tokenizers():
    """{"cased", "uncased"}: the tokenizers that the golden features were made with."""
    return {
        "cased": BertTokenizer(str(GOLDEN / "vocab/downstream_cased.txt"), do_lower_case=False),
        "uncased": BertTokenizer(str(GOLDEN / "vocab/uncased.txt"), do_lower_case=True),
    }

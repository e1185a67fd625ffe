import pytest

from tests.clinicalbert_tf.inference.seeing import tiny_classifier


@pytest.fixture(scope="session")
def tokenizer():
    return tiny_classifier.tokenizer()

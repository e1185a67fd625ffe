"""What tests of several rooms share."""

import gzip
import pathlib

import pytest

from clinicalbert_tf.config import BertConfig

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"


@pytest.fixture(scope="session")
def golden():
    """The folder of what the reference code gave."""
    return GOLDEN


@pytest.fixture(scope="session")
def golden_records(tmp_path_factory):
    """cased_128 as the reference wrote it: one plain TFRecord file of 948 records."""
    path = tmp_path_factory.mktemp("records") / "cased_128.tfrecord"
    data = (GOLDEN / "pretraining_data" / "cased_128.tfrecord.gz").read_bytes()
    path.write_bytes(gzip.decompress(data))
    return str(path)


@pytest.fixture(scope="session")
def small_config():
    """A model for the golden records that is traced in a second; without dropout."""
    return BertConfig(
        vocab_size=1200,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=128,
        type_vocab_size=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )

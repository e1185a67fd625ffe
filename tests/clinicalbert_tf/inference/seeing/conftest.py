import keras
import pytest

from tfrecords_builder.tokenization import SPECIAL_TOKENS, BertTokenizer

WORDS = ["the", "patient", "denies", "has", "chest", "pain", "fever", "and", ".", "no", "sep"]
WORDS += ["##sis", "##s", "cough"]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join([*SPECIAL_TOKENS, *WORDS]) + "\n")
    return BertTokenizer(str(path), do_lower_case=True)


@pytest.fixture(scope="session")
def classifier():
    """A tiny classifier with weights wide enough for its attention to be uneven."""
    from clinicalbert_tf.config import BertConfig
    from clinicalbert_tf.modeling.classifier import build_classifier

    keras.utils.set_random_seed(11)
    config = BertConfig(
        vocab_size=len(SPECIAL_TOKENS) + len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=32,
        type_vocab_size=2,
        initializer_range=0.3,
    )
    return build_classifier(config, 3)

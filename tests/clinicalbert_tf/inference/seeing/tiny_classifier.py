"""A classifier small enough to compute by hand, and its tokenizer."""

import functools
import os
import tempfile

from tfrecords_builder.tokenization import SPECIAL_TOKENS, BertTokenizer

WORDS = ["the", "patient", "denies", "has", "chest", "pain", "fever", "and", ".", "no", "sep"]
WORDS += ["##sis", "##s", "cough"]


@functools.cache
def tokenizer():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vocab.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join([*SPECIAL_TOKENS, *WORDS]) + "\n")
        return BertTokenizer(path, do_lower_case=True)


@functools.cache
def classifier():
    """2 layers, 4 heads, 3 labels; weights wide enough for its attention to be uneven."""
    import keras

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

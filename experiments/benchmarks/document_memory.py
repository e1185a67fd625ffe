"""Peak memory of long documents: document_memory.py [vote] DOCUMENTS.

What is above the start should be about the same with 400 and 4000 documents. Invented notes of
3,000 words are read, cut and batched for a whole epoch, and no model is trained.

With `vote`, the attention vote is learnt for three steps on invented vectors of a base model, eight
chunks per document: compare 10000 and 40000.
"""

import json
import os
import resource
import sys
import tempfile

import numpy as np
import tensorflow as tf

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.row_file import RowFile
from clinicalbert_tf.tasks.classification.run import prepare, read_data, task_class
from clinicalbert_tf.tasks.long_documents.vote_learning import learn_vote
from tfrecords_builder.tokenization import SPECIAL_TOKENS

_WORDS = [f"w{number}" for number in range(500)]
# Of the vote: width of a base model, chunks per document.
_HIDDEN, _CHUNKS = 768, 8
_MODEL = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 512,
}


def read_documents(count: int) -> None:
    """Prints the peak, and how much of it is above that of the imports."""
    folder = tempfile.mkdtemp()
    given = _write(folder, count)
    size = os.path.getsize(os.path.join(folder, "train.jsonl"))
    before = _peak()
    data = read_data(given)
    prepared = prepare(given, data)
    task = task_class(prepared.settings)(prepared.settings, data, prepared.evaluated)
    task.find_inputs(prepared.settings)
    cut = task.chunks["train"]
    source = task.make_source("train", _tokenizer(given))
    parse = source.parser("training")
    rows = source.rows(tf.constant([1, 2], tf.int64)).batch(32)
    for batch in rows.map(lambda members: parse(members, tf.constant(0, tf.int64))):
        assert batch["token_ids"].shape[1] == 512
    _say(f"{count} documents, {size / 1e6:.0f} MB: {len(cut)} chunks", before)


def learn_on_vectors(count: int) -> None:
    """Prints the same of learning the attention vote."""
    # What compiling takes comes once, whatever the number of documents.
    _learn(30)
    before = _peak()
    chunks = _learn(count)
    _say(f"vote of {count} documents, {chunks * _HIDDEN * 4 / 1e6:.0f} MB of vectors", before)


def _learn(count: int) -> int:
    draw = np.random.default_rng(0)
    vectors, chunks = RowFile(), count * _CHUNKS
    for start in range(0, chunks, 1000):
        places = np.arange(start, min(start + 1000, chunks))
        vectors.put(places, draw.normal(size=(len(places), _HIDDEN)))
    document = np.repeat(np.arange(count), _CHUNKS)
    learn_vote(vectors, document, np.arange(count) % 2, steps=3).logits(vectors, document)
    return chunks


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _say(what: str, before: int) -> None:
    after = _peak()
    print(f"{what}; peak {after / 1024:.0f} MB, {(after - before) / 1024:.0f} MB above the start")


def _write(folder: str, count: int) -> dict:
    draw = np.random.default_rng(0)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join([*SPECIAL_TOKENS, *_WORDS]) + "\n")
    for name, documents in (("train", count), ("dev", 50)):
        with open(os.path.join(folder, f"{name}.jsonl"), "w", encoding="utf-8") as file:
            for number in range(documents):
                text = " ".join(draw.choice(_WORDS, size=3000))
                row = {"id": f"{name}{number}", "subject_id": f"{name}{number}", "chunk": 0}
                file.write(json.dumps(row | {"label": number % 2, "text": text}) + "\n")
    config_file = os.path.join(folder, "bert_config.json")
    BertConfig(vocab_size=len(_WORDS) + 5, **_MODEL).write(config_file)
    return {
        "task_name": "readmission", "data_dir": folder, "output_dir": f"{folder}/out",
        "vocab_file": f"{folder}/vocab.txt", "bert_config_file": config_file,
        "do_lower_case": True, "long_documents": True, "max_seq_length": 512,
        "num_train_epochs": 1.0,
    }  # fmt: skip


def _tokenizer(given):
    from tfrecords_builder.tokenization import BertTokenizer

    return BertTokenizer(given["vocab_file"], True)


if __name__ == "__main__":
    *kind, documents = sys.argv[1:]
    (learn_on_vectors if kind == ["vote"] else read_documents)(int(documents))

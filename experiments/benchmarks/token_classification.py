"""Fine-tuning and applying a tagger of words, beside Hugging Face on PyTorch: sentences per second.

    python experiments/benchmarks/token_classification.py --data_dir NCBI_DISEASE [--model FOLDER]

One run, both sides warmed up, taking turns: same weights, sentences, batch size, precision
(float32) and cores. Both group training batches by length and pad each batch to its longest, and
predict sorted by length, so padding is not the difference. `--base` takes a model of BERT's base
size with fresh weights.
"""

import argparse
import os
import tempfile

import turns

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    """Prints medians of the rounds and their ratio."""
    values = _arguments()
    from clinicalbert_tf.datasets.entity_sets import read_entity_set

    data = read_entity_set("conll", values.data_dir)
    sentences = data.parts["train"][: values.sentences]
    with tempfile.TemporaryDirectory() as folder:
        if values.base:
            values.model = turns.write_base_model(values.model, folder)
        sides = {
            "ours": Ours(values, sentences, data.labels),
            "torch": torch_side(values, sentences, data.labels),
        }
        turns.take_turns(sides, values.rounds, sides["ours"].mean_length, "sentences")


class Ours:
    """This software: the engine's step, and the predictor of pipeline("entities")."""

    def __init__(self, values, sentences, labels):
        from clinicalbert_tf.checkpoints.detect import open_checkpoint
        from clinicalbert_tf.checkpoints.vocabulary_check import resolve_casing
        from clinicalbert_tf.inference.predictor import Predictor
        from clinicalbert_tf.modeling.tagger import build_tagger
        from clinicalbert_tf.tasks.tagging.examples import window_words
        from clinicalbert_tf.tasks.tagging.objective import TaggingObjective
        from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
        from clinicalbert_tf.training.fine_tuning import with_steps
        from tfrecords_builder.tokenization import BertTokenizer

        source = open_checkpoint(values.model)
        tokenizer = BertTokenizer(source.vocab_file, resolve_casing(source))
        words = window_words(sentences, tokenizer, values.length)
        examples = words.source({label: n for n, label in enumerate(labels)}, values.length)
        given = {"output_dir": ".", "train_batch_size": values.batch_size}
        settings = TaggingSettings(**with_steps(given, len(words.windows), False))
        model, train = turns.our_model_and_training(
            source, lambda config: build_tagger(config, len(labels)),
            TaggingObjective(len(labels)), settings, examples, values.batch_size,
        )  # fmt: skip
        self._predictor = Predictor(
            lambda inputs: {"logits": model(inputs, training=False)["logits"]},
            per_token=("logits",),
        )
        self._windows = [window.token_ids for window in words.windows[: values.predicted]]
        self.mean_length = sum(len(window.token_ids) for window in words.windows) / len(sentences)
        self.train = lambda: train(values.steps)

    def predict(self):
        self._predictor.predict(self._windows)
        return sum(map(len, self._windows))


def torch_side(values, sentences, labels) -> turns.TorchSide:
    """Hugging Face's tagger of words."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(values.model)
    model = AutoModelForTokenClassification.from_pretrained(values.model, num_labels=len(labels))
    encoded = tokenizer(
        [list(sentence.words) for sentence in sentences],
        is_split_into_words=True,
        truncation=True,
        max_length=values.length,
    )
    rows = encoded["input_ids"]
    targets = [
        _targets(encoded.word_ids(number), sentence.labels, labels)
        for number, sentence in enumerate(sentences)
    ]

    def inputs(places):
        return dict(tokenizer.pad([{"input_ids": rows[p]} for p in places], return_tensors="pt"))

    def padded_targets(places, batch):
        width = batch["input_ids"].shape[1]
        padded = [targets[p] + [-100] * (width - len(targets[p])) for p in places]
        return {"labels": torch.tensor(padded)}

    return turns.TorchSide(
        *(model, [len(row) for row in rows], inputs, padded_targets),
        *(values.batch_size, values.steps, values.predicted),
    )


def _targets(word_ids, sentence_labels, labels) -> list[int]:
    found, before = [], None
    for word in word_ids:
        first = word is not None and word != before
        found.append(labels.index(sentence_labels[word]) if first else -100)
        before = word
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", required=True, help="train, devel and test columns")
    parser.add_argument("--base", action="store_true")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--predicted", type=int, default=512, help="sentences to predict")
    turns.add_arguments(parser, length=128)
    values = parser.parse_args()
    values.data_dir = os.path.abspath(values.data_dir)
    return values


if __name__ == "__main__":
    main()

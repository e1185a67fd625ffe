"""Fine-tunes with Hugging Face on PyTorch what a flag file of run_classifier asks for.

    python experiments/hugging_face.py --flagfile=experiments/SET/run.flags --data_dir=DATA_DIR \\
        --init_checkpoint=FOLDER --output_dir=OUT

The same examples, splits, weights, steps, rate, warm-up, decay and choice of the best epoch on dev;
its own tokenizer, model, dropout, batches (grouped by length, as its Trainer does) and optimizer.
Threshold, temperature and figures come from the code of run_classifier, so that metrics.json can be
compared. Killed, it continues at the last saved step. Needs the extra `compare`; a model in
Hugging Face's format.
"""

import dataclasses
import os

import numpy as np

from clinicalbert_tf import command
from clinicalbert_tf.classifier_command import define_classifier_flags
from clinicalbert_tf.tasks import many_runs
from clinicalbert_tf.tasks.classification import results
from clinicalbert_tf.tasks.classification.run import prepare, read_data
from clinicalbert_tf.tasks.classification.settings import ClassificationSettings
from clinicalbert_tf.tasks.classification.task import ClassificationTask
from tfrecords_builder import command_line
from tfrecords_builder.files import make_private_folder

command.define_run_flags(ClassificationSettings)
define_classifier_flags()


def main(argv):
    from absl import flags

    given = command.settings_given(ClassificationSettings, "runs/hugging_face")
    data = read_data(given)
    prepared = prepare(given, data)
    output_dir = make_private_folder(prepared.settings.output_dir)
    found = {}
    for seed in map(int, (flags.FLAGS.seeds or str(prepared.settings.seed)).split(",")):
        folder = make_private_folder(os.path.join(output_dir, f"seed-{seed}"))
        settings = dataclasses.replace(prepared.settings, seed=seed, output_dir=folder)
        found[seed] = results.read_metrics(folder)
        if "test" not in found[seed]:
            found[seed] = fine_tune(settings, data, prepared.evaluated)
        print(f"seed {seed}: {_figures(found[seed]['test'])}", flush=True)
    names = _figures(next(iter(found.values()))["test"])
    over = {
        name: many_runs.over_runs(one["test"].get(name) for one in found.values()) for name in names
    }
    for name, figures in over.items():
        print(
            f"test over {figures['runs']} runs: {name} {figures['mean']:.4f}, standard deviation "
            f"{figures['std']:.4f}, minimum {figures['min']:.4f}"
        )
    results.add_metrics(output_dir, {"over_runs": {"test": over}})


def fine_tune(settings, data, evaluated):
    """One seed: trains, keeps the best epoch on dev, writes predictions and metrics.json."""
    import torch
    import torch_training
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(settings.seed)
    task = ClassificationTask(settings, data, evaluated)
    task.find_inputs(settings)
    tokenizer = AutoTokenizer.from_pretrained(settings.init_checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(
        settings.init_checkpoint, num_labels=len(data.labels)
    )
    encoded = {
        name: [
            tokenizer(
                *([e.text_a] if e.text_b is None else [e.text_a, e.text_b]),
                truncation=True,
                max_length=settings.max_seq_length,
            )
            for e in split.examples
        ]
        for name, split in data.splits.items()
    }
    targets = task.targets("train")

    def batch(examples):
        return dict(tokenizer.pad(examples, return_tensors="pt"))

    def logits_of(split):
        examples = encoded[split]
        order = sorted(range(len(examples)), key=lambda place: -len(examples[place]["input_ids"]))
        made = np.zeros((len(order), len(data.labels)))
        with torch.inference_mode():
            for start in range(0, len(order), settings.eval_batch_size):
                places = order[start : start + settings.eval_batch_size]
                made[places] = model(**batch([examples[place] for place in places])).logits.numpy()
        return made

    def loss_of(places):
        goal = torch.tensor(targets[places], dtype=torch.long)
        return model(**batch([encoded["train"][p] for p in places]), labels=goal).loss

    def score():
        return task.score("dev", {"logits": logits_of("dev")})[task.monitor.metric]

    lengths = [len(one["input_ids"]) for one in encoded["train"]]
    _, step = torch_training.fit(model, lengths, loss_of, score, settings, settings.output_dir)
    for split in evaluated:
        outcome = {"global_step": step, "loss": float("nan")}
        task.finish(split, outcome, {"logits": logits_of(split)}, settings.output_dir)
    torch_training.forget(settings.output_dir)
    return results.read_metrics(settings.output_dir)


def _figures(scores):
    names = ("accuracy", "f1", "f1_macro", "auroc")
    return {name: round(scores[name], 4) for name in names if scores.get(name) is not None}


if __name__ == "__main__":
    command_line.run(main)

"""Fine-tunes with Hugging Face on PyTorch what a flag file of run_classifier asks for.

    python experiments/hugging_face.py --flagfile=experiments/SET/run.flags --data_dir=DATA_DIR \\
        --init_checkpoint=FOLDER --output_dir=OUT

The same examples, splits, weights, steps, rate, warm-up, decay and choice of the best epoch on dev;
its own tokenizer, model, dropout, batches (grouped by length, as its Trainer does) and optimizer.
Threshold, temperature and figures come from the code of run_classifier, so that metrics.json can be
compared. Killed, it continues after the last whole epoch. Needs the extra `compare`; a model in
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

# BERT's, which run_classifier has too.
_DECAY = 0.01
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
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        get_linear_schedule_with_warmup,
    )
    from transformers.trainer_pt_utils import get_length_grouped_indices

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
    optimizer = torch.optim.AdamW(_groups(model), lr=settings.learning_rate)
    steps, batch_size = settings.num_train_steps, settings.train_batch_size
    schedule = get_linear_schedule_with_warmup(optimizer, settings.num_warmup_steps, steps)

    def batch(examples):
        return dict(tokenizer.pad(examples, return_tensors="pt"))

    def logits_of(split):
        model.eval()
        examples = encoded[split]
        order = sorted(range(len(examples)), key=lambda place: -len(examples[place]["input_ids"]))
        made = np.zeros((len(order), len(data.labels)))
        with torch.inference_mode():
            for start in range(0, len(order), settings.eval_batch_size):
                places = order[start : start + settings.eval_batch_size]
                made[places] = model(**batch([examples[place] for place in places])).logits.numpy()
        return made

    generator = torch.Generator().manual_seed(settings.seed)
    lengths = [len(one["input_ids"]) for one in encoded["train"]]
    best, step = None, 0
    parts = model, optimizer, schedule
    state = os.path.join(settings.output_dir, "state.pt")
    if os.path.exists(state):
        kept = torch.load(state, weights_only=False)
        for part, values in zip(parts, kept["parts"], strict=True):
            part.load_state_dict(values)
        generator.set_state(kept["generator"])
        torch.set_rng_state(kept["random"])
        best, step = kept["best"], kept["step"]
    while step < steps:
        order = get_length_grouped_indices(lengths, batch_size, generator=generator)
        model.train()
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            goal = torch.tensor(targets[places], dtype=torch.long)
            model(**batch([encoded["train"][p] for p in places]), labels=goal).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            step += 1
            if step == steps:
                break
        dev = logits_of("dev")
        value = task.score("dev", {"logits": dev})[task.monitor.metric]
        if best is None or value > best[0]:
            best = value, step, {split: logits_of(split) for split in evaluated}
        kept = {"parts": [part.state_dict() for part in parts], "best": best, "step": step}
        kept |= {"generator": generator.get_state(), "random": torch.get_rng_state()}
        torch.save(kept, state + ".new")
        os.replace(state + ".new", state)
    for split in evaluated:
        outcome = {"global_step": best[1], "loss": float("nan")}
        task.finish(split, outcome, {"logits": best[2][split]}, settings.output_dir)
    os.remove(state)
    return results.read_metrics(settings.output_dir)


def _groups(model):
    """No decay of biases and normalizations, as Trainer has it."""
    plain = [p for name, p in model.named_parameters() if _is_plain(name)]
    others = [p for name, p in model.named_parameters() if not _is_plain(name)]
    return [{"params": others, "weight_decay": _DECAY}, {"params": plain, "weight_decay": 0.0}]


def _is_plain(name):
    return name.endswith(".bias") or "LayerNorm" in name


def _figures(scores):
    names = ("accuracy", "f1", "f1_macro", "auroc")
    return {name: round(scores[name], 4) for name in names if scores.get(name) is not None}


if __name__ == "__main__":
    command_line.run(main)

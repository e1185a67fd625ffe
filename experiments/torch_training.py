"""The loop of Hugging Face's Trainer, for the scripts that compare with it.

AdamW, decay without biases and normalizations, gradients clipped at 1, linear warm-up and decay,
batches grouped by length. Killed, it continues at the last saved step. Torch stands in the
experiments only.
"""

import itertools
import os

import torch
from transformers import get_linear_schedule_with_warmup
from transformers.trainer_pt_utils import get_length_grouped_indices

# BERT's, which this software's commands have too.
_DECAY = 0.01


def fit(model, lengths, loss_of, score, settings, folder):
    """Trains a model and gives it the weights of its best evaluation.

    Args:
        model: with its first weights; `torch.manual_seed` was called before they were made.
        lengths: tokens of each training row.
        loss_of: from the numbers of a batch's rows to its loss.
        score: () -> a number of the dev part, greater is better; the model is in evaluation mode.
        settings: this software's, complete: learning_rate, num_train_steps, num_warmup_steps,
            train_batch_size, eval_steps, save_checkpoints_steps, seed.
        folder: where the state is kept until the end.

    Returns:
        (best score, its step).
    """
    steps = settings.num_train_steps
    # Fused, as Trainer has it.
    optimizer = torch.optim.AdamW(_groups(model), lr=settings.learning_rate, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, settings.num_warmup_steps, steps)
    state = _State(os.path.join(folder, "state.pt"), (model, optimizer, schedule))
    best, step = state.restore()
    batches = _batches(lengths, settings.train_batch_size, settings.seed)
    for rows in itertools.islice(batches, step, steps):
        model.train()
        loss_of(rows).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        step += 1
        if step % settings.eval_steps == 0 or step == steps:
            model.eval()
            value = score()
            print(f"step {step}: {value:.4f} on dev", flush=True)
            if best is None or value > best[0]:
                best = value, step, {n: v.clone() for n, v in model.state_dict().items()}
        if step % settings.save_checkpoints_steps == 0 or step == steps:
            state.save(best, step)
    value, step, weights = best
    model.load_state_dict(weights)
    model.eval()
    return value, step


def forget(folder) -> None:
    """Removes the state of a run whose results are written."""
    os.remove(os.path.join(folder, "state.pt"))


class _State:
    """What a run that was killed continues from."""

    def __init__(self, path, parts):
        self._path, self._parts = path, parts

    def save(self, best, step) -> None:
        kept = {"parts": [part.state_dict() for part in self._parts], "best": best, "step": step}
        torch.save(kept | {"random": torch.get_rng_state()}, self._path + ".new")
        os.replace(self._path + ".new", self._path)

    def restore(self):
        """(best so far or None, steps made)."""
        if not os.path.exists(self._path):
            return None, 0
        kept = torch.load(self._path, weights_only=False)
        for part, values in zip(self._parts, kept["parts"], strict=True):
            part.load_state_dict(values)
        torch.set_rng_state(kept["random"])
        return kept["best"], kept["step"]


def _batches(lengths, batch_size, seed):
    """Lists of rows, epoch after epoch without end; the last one of an epoch may be smaller."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = get_length_grouped_indices(lengths, batch_size, generator=generator)
        for start in range(0, len(order), batch_size):
            yield order[start : start + batch_size]


def _groups(model):
    """No decay of biases and normalizations, as Trainer has it."""
    plain = [p for name, p in model.named_parameters() if _is_plain(name)]
    others = [p for name, p in model.named_parameters() if not _is_plain(name)]
    return [{"params": others, "weight_decay": _DECAY}, {"params": plain, "weight_decay": 0.0}]


def _is_plain(name):
    return name.endswith(".bias") or "LayerNorm" in name

"""Hugging Face's BertForPreTraining in PyTorch, one training step, for pretraining.py."""

import contextlib

import numpy as np
import torch
from pretraining_steps import batches
from transformers import BertConfig, BertForPreTraining


def make_step(shape, precision: str, compiled: bool, grouped: bool = False):
    """The step of a usual PyTorch loop: loss, backward, clip, AdamW.

    Args:
        shape: sizes; see pretraining.Shape.
        precision: mixed_bfloat16 stands for autocast.
        compiled: best options: torch.compile and the fused optimizer.
        grouped: pad short notes to the longest of their batch, not to the whole length.
    """
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=max(512, shape.length),
        hidden_act="gelu_new",
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
    )
    model = BertForPreTraining(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=compiled)
    step_batches = [_batch(given) for given in batches(shape, 1 if grouped else 0)]
    forward = torch.compile(model) if compiled else model
    bfloat16 = precision == "mixed_bfloat16"

    def step() -> None:
        for batch in step_batches:
            update(batch)

    def update(batch) -> None:
        scope = torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext()
        with scope:
            loss = forward(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()

    return step


def _batch(given) -> dict[str, torch.Tensor]:
    """The same batch, its labels in the form that the library takes: -100 where not masked."""
    labels = np.full(given["token_ids"].shape, -100)
    rows, columns = np.nonzero(given["masked_lm_weights"])
    places = given["mask_positions"][rows, columns]
    labels[rows, places] = given["masked_lm_ids"][rows, columns]
    arrays = {
        "input_ids": given["token_ids"],
        "token_type_ids": given["segment_ids"],
        "attention_mask": given["padding_mask"],
        "labels": labels,
        "next_sentence_label": given["next_sentence_labels"],
    }
    return {name: torch.tensor(array, dtype=torch.long) for name, array in arrays.items()}

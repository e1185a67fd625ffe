"""Hugging Face's BertForPreTraining in PyTorch, one training step, for pretraining.py."""

import contextlib

import numpy as np
import torch
from pretraining_steps import features
from transformers import BertConfig, BertForPreTraining


def make_step(shape, precision: str, compiled: bool):
    """The step of a usual PyTorch loop: loss, backward, clip, AdamW.

    Args:
        shape: sizes; see pretraining.Shape.
        precision: mixed_bfloat16 stands for autocast.
        compiled: best options: torch.compile and the fused optimizer.
    """
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.hidden // 64,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=max(512, shape.length),
        hidden_act="gelu_new",
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.dropout,
    )
    model = BertForPreTraining(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=compiled)
    batch = _batch(shape)
    forward = torch.compile(model) if compiled else model
    bfloat16 = precision == "mixed_bfloat16"

    def step() -> None:
        scope = torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext()
        with scope:
            loss = forward(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()

    return step


def _batch(shape) -> dict[str, torch.Tensor]:
    """The same batch, its labels in the form that the library takes: -100 where not masked."""
    given = features(shape)
    labels = np.full((shape.batch, shape.length), -100)
    np.put_along_axis(labels, given["mask_positions"], given["masked_lm_ids"], axis=1)
    arrays = {
        "input_ids": given["token_ids"],
        "token_type_ids": given["segment_ids"],
        "attention_mask": given["padding_mask"],
        "labels": labels,
        "next_sentence_label": given["next_sentence_labels"],
    }
    return {name: torch.tensor(array, dtype=torch.long) for name, array in arrays.items()}

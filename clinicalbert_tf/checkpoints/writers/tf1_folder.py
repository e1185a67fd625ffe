"""CheckpointSource -> the files of a released TF1 model."""

import os

from clinicalbert_tf.checkpoints.checkpoint_files import step_of
from clinicalbert_tf.checkpoints.source import PARTS, CheckpointSource
from clinicalbert_tf.checkpoints.writers.companions import write_companions
from clinicalbert_tf.checkpoints.writers.restored_model import require_pooler, restored_backbone
from clinicalbert_tf.checkpoints.writers.tf1_checkpoint import write_tf1_checkpoint

_STEM = "bert_model.ckpt"
_ENCODER = tuple(PARTS[part] for part in ("embeddings", "encoder", "pooler"))


def write_tf1_folder(source: CheckpointSource, folder: str) -> None:
    """Writes a checkpoint with the reference's names, bert_config.json, vocab.txt, labels.json.

    Args:
        source: all heads that it has go along.
        folder: an empty folder. The checkpoint is called model.ckpt-STEP where the source's name
            has a step, otherwise bert_model.ckpt.

    Raises:
        ValueError: the source has no pooler, which the reference's model cannot be without.
    """
    require_pooler(source, "tf1")
    heads = {n: source.tensors[n] for n in source.tensors if not n.startswith(_ENCODER)}
    prefix = os.path.join(folder, checkpoint_name(source))
    write_tf1_checkpoint(restored_backbone(source), prefix, heads)
    write_companions(source, folder)


def checkpoint_name(source: CheckpointSource) -> str:
    """The name of the checkpoint that write_tf1_folder makes, without its folder."""
    step = step_of(source.path) if source.kind == "tf1" else None
    return _STEM if step is None else f"model.ckpt-{step}"

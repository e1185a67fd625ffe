"""BertConfig -> a model that scores each position as the start and the end of an answer."""

import keras

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.task_model import TaskModel

# The reference's run_squad.py does not take the configuration's initializer_range.
_INITIALIZER_RANGE = 0.02


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class BertSpanModel(TaskModel):
    """BERT with a dense layer of two columns, start and end, on its sequence output.

    The pooler is in the model and in its checkpoints, as in the reference, and has no gradient.
    Padded positions have logits too: the reader masks them.

    Inputs (a dict of int tensors): token_ids, segment_ids, padding_mask [batch, length].
    Outputs (a dict): start_logits, end_logits, float32 [batch, length].

    Args:
        backbone: what build_backbone returned.
        dropout, initializer_range, dtype: see TaskModel.

    Source: BERT (Devlin et al. 2018), create_model of run_squad.py.
    """

    heads = ("span",)

    def __init__(self, backbone, dropout=0.0, **kwargs):
        super().__init__(backbone, 2, dropout, **kwargs)

    def connect(self, encoded, apply_head):
        logits = apply_head(encoded["sequence_output"])
        return {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}


def build_span_model(
    config: BertConfig, dtype=None, recompute: bool = False, dropout: float = 0.0
) -> BertSpanModel:
    """Builds a question answering model, freshly initialised.

    Args:
        config: the encoder's shape.
        dtype: dtype or Keras dtype policy, for example "mixed_bfloat16"; None for the global one.
            Logits are float32 under each of them.
        recompute: less memory for more time; see build_backbone.
        dropout: fraction dropped of the sequence output in training; the reference drops nothing.

    Returns:
        A model with the attributes `backbone` and `heads`; see BertSpanModel.
    """
    return BertSpanModel(
        build_backbone(config, dtype=dtype, recompute=recompute),
        dropout,
        initializer_range=_INITIALIZER_RANGE,
        dtype=dtype,
        name="span_model",
    )

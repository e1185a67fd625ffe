"""BertConfig -> a model that gives each sequence (or pair of sequences) one row of logits."""

import keras

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.task_model import DROPOUT, TaskModel, check_num_labels


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class BertClassifier(TaskModel):
    """BERT with a dense layer on its pooled output.

    Inputs (a dict of int tensors): token_ids, segment_ids, padding_mask [batch, length].
    Outputs (a dict): logits, float32 [batch, num_labels].

    Args:
        backbone: what build_backbone returned.
        num_labels: number of classes; 1 for a regression.
        dropout, initializer_range, dtype: see TaskModel.

    Source: BERT (Devlin et al. 2018), create_model of run_classifier.py.
    """

    heads = ("classifier",)

    def __init__(self, backbone, num_labels, dropout=DROPOUT, **kwargs):
        super().__init__(backbone, num_labels, dropout, **kwargs)
        self.num_labels = num_labels

    def connect(self, encoded, apply_head):
        return {"logits": apply_head(encoded["pooled_output"])}

    def get_config(self):
        return {**super().get_config(), "num_labels": self.num_labels}


def build_classifier(
    config: BertConfig,
    num_labels: int,
    dtype=None,
    recompute: bool = False,
    dropout: float = DROPOUT,
) -> BertClassifier:
    """Builds a classifier of sequences, freshly initialised.

    Args:
        config: the encoder's shape.
        num_labels: number of classes; 1 for a regression.
        dtype: dtype or Keras dtype policy, for example "mixed_bfloat16"; None for the global one.
            Logits are float32 under each of them.
        recompute: less memory for more time; see build_backbone.
        dropout: fraction dropped of the pooled output in training.

    Returns:
        A model with the attributes `backbone` and `heads`; see BertClassifier.

    Raises:
        ValueError: num_labels is not a positive whole number.
    """
    return BertClassifier(
        build_backbone(config, dtype=dtype, recompute=recompute),
        check_num_labels(num_labels),
        dropout,
        initializer_range=config.initializer_range,
        dtype=dtype,
        name="classifier_model",
    )

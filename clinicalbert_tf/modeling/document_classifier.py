"""A classifier that also gives the vector that it classifies, one per sequence."""

import keras

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.classifier import BertClassifier


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class BertDocumentClassifier(BertClassifier):
    """BertClassifier with the pooled output among its outputs.

    The weights are those of a BertClassifier, under the same names.

    Outputs (a dict): logits, float32 [batch, num_labels]; vectors, [batch, hidden].
    """

    def connect(self, encoded, apply_head):
        return {**super().connect(encoded, apply_head), "vectors": encoded["pooled_output"]}


def build_document_classifier(
    config: BertConfig, num_labels: int, dtype=None, recompute: bool = False
) -> BertDocumentClassifier:
    """Builds a classifier of chunks, freshly initialised; see classifier.build_classifier."""
    return BertDocumentClassifier(
        build_backbone(config, dtype=dtype, recompute=recompute),
        num_labels,
        initializer_range=config.initializer_range,
        dtype=dtype,
        name="classifier_model",
    )

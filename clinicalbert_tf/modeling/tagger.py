"""BertConfig -> a model that gives each token one row of logits."""

import keras

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.crf import CrfScores
from clinicalbert_tf.modeling.task_model import DROPOUT, TaskModel, check_num_labels

CRF_OUTPUTS = ("crf_begin", "crf_follow", "crf_end")


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class BertTagger(TaskModel):
    """BERT with a dense layer on every position of its sequence output.

    The pooler is in the model and in its checkpoints, as in the reference, and has no gradient.

    Inputs (a dict of int tensors): token_ids, segment_ids, padding_mask [batch, length].
    Outputs (a dict): logits, float32 [batch, length, num_labels].

    Args:
        backbone: what build_backbone returned.
        num_labels: number of token labels.
        dropout, initializer_range, dtype: see TaskModel.

    Source: BioBERT (Lee et al. 2019), create_model of run_ner.py.
    """

    heads = ("tagger",)

    def __init__(self, backbone, num_labels, dropout=DROPOUT, **kwargs):
        super().__init__(backbone, num_labels, dropout, **kwargs)
        self.num_labels = num_labels

    def connect(self, encoded, apply_head):
        return {"logits": apply_head(encoded["sequence_output"])}

    def get_config(self):
        return {**super().get_config(), "num_labels": self.num_labels}


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class BertCrfTagger(BertTagger):
    """A tagger with trained scores of labels that follow one another.

    Outputs: also crf_begin [num_labels], crf_follow [num_labels, num_labels] and
    crf_end [num_labels]; see modeling.crf.
    """

    heads = ("crf_tagger",)

    @property
    def crf_scores(self) -> CrfScores:
        """The layer of the scores."""
        return self.get_layer("crf_scores")

    def connect(self, encoded, apply_head):
        outputs = super().connect(encoded, apply_head)
        scores = CrfScores(dtype="float32", name="crf_scores")(outputs["logits"])
        return {**outputs, **dict(zip(CRF_OUTPUTS, scores, strict=True))}


def build_tagger(
    config: BertConfig,
    num_labels: int,
    dtype=None,
    recompute: bool = False,
    dropout: float = DROPOUT,
    crf: bool = False,
) -> BertTagger:
    """Builds a tagger of tokens, freshly initialised.

    Args:
        config: the encoder's shape.
        num_labels: number of token labels.
        dtype: dtype or Keras dtype policy, for example "mixed_bfloat16"; None for the global one.
            Logits are float32 under each of them.
        recompute: less memory for more time; see build_backbone.
        dropout: fraction dropped of the sequence output in training.
        crf: whether labels that follow one another have trained scores.

    Returns:
        A model with the attributes `backbone` and `heads`; see BertTagger.

    Raises:
        ValueError: num_labels is not a positive whole number.
    """
    return (BertCrfTagger if crf else BertTagger)(
        build_backbone(config, dtype=dtype, recompute=recompute),
        check_num_labels(num_labels),
        dropout,
        initializer_range=config.initializer_range,
        dtype=dtype,
        name="tagger_model",
    )

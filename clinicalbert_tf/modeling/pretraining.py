"""BertConfig -> the pretraining model: backbone, masked language model, next sentence."""

import keras

from clinicalbert_tf.config import BertConfig
from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.heads import (
    MaskedLanguageModelTransform,
    OutputBias,
    next_sentence_head,
)
from clinicalbert_tf.modeling.model_on_backbone import ModelOnBackbone


@keras.saving.register_keras_serializable(package="clinicalbert_tf")
class BertPretrainingModel(ModelOnBackbone):
    """BERT with both pretraining heads.

    Inputs (a dict of int tensors): token_ids, segment_ids, padding_mask [batch, length] and
    mask_positions [batch, predictions].
    Outputs (a dict of float32 tensors): mlm_logits [batch, predictions, vocabulary], nsp_logits
    [batch, 2] (class 1 is a random sentence).

    Args:
        backbone: a keras_nlp BertBackbone; its token embedding is also the output projection.
        hidden_act: activation of the masked language model's transform.
        initializer_range: standard deviation of the heads' initializer.
        dtype: dtype or Keras dtype policy of the heads; None for the global one.

    Source: BERT (Devlin et al. 2018), run_pretraining.py.
    """

    heads = ("masked_lm", "next_sentence")

    def __init__(self, backbone, hidden_act="gelu", initializer_range=0.02, dtype=None, **kwargs):
        transform = MaskedLanguageModelTransform(
            hidden_act, initializer_range, dtype=dtype, name="masked_lm_transform"
        )
        output_bias = OutputBias(name="masked_lm_output_bias")
        next_sentence = next_sentence_head(initializer_range)
        inputs = {
            **backbone.input,
            "mask_positions": keras.Input(shape=(None,), dtype="int32", name="mask_positions"),
        }
        encoded = backbone(backbone.input)
        transformed = transform(encoded["sequence_output"], inputs["mask_positions"])
        outputs = {
            "mlm_logits": output_bias(backbone.token_embedding(transformed, reverse=True)),
            "nsp_logits": next_sentence(encoded["pooled_output"]),
        }
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.backbone = backbone
        self.masked_lm_transform = transform
        self.masked_lm_output_bias = output_bias
        self.next_sentence_head = next_sentence
        self.hidden_act = hidden_act
        self.initializer_range = initializer_range

    def get_config(self):
        return self.config_with(
            self.masked_lm_transform.dtype_policy,
            hidden_act=self.hidden_act,
            initializer_range=self.initializer_range,
        )


def build_pretraining_model(
    config: BertConfig, dtype=None, recompute: bool = False
) -> BertPretrainingModel:
    """Builds the pretraining model that a configuration describes, freshly initialised.

    Kernels and embeddings start from a truncated normal, biases at zero, layer normalizations
    at the identity. keras.utils.set_random_seed before it makes the weights repeatable.

    Args:
        config: the model's shape.
        dtype: dtype or Keras dtype policy, for example "mixed_bfloat16"; None for the global one.
        recompute: less memory for more time; see build_backbone.

    Returns:
        A model with the attribute `backbone`; see BertPretrainingModel for inputs and outputs.
    """
    return BertPretrainingModel(
        build_backbone(config, dtype=dtype, recompute=recompute),
        hidden_act=config.hidden_act,
        initializer_range=config.initializer_range,
        dtype=dtype,
        name="pretraining_model",
    )

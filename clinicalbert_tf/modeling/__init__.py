"""The models: keras_nlp's BERT backbone and the pretraining heads, in keras.ops only.

activations     hidden_act -> function
encoder_layer   one layer of the encoder
backbone        build_backbone: BertConfig -> keras_nlp BertBackbone
heads           masked language model and next sentence prediction
pretraining     build_pretraining_model: backbone and both heads
"""

from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.pretraining import build_pretraining_model

__all__ = ["build_backbone", "build_pretraining_model"]

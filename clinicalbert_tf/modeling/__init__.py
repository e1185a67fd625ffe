"""The models: keras_nlp's BERT backbone and the pretraining heads, in keras.ops only.

compilation     which compiler the elementwise kernels go through
dropout_mask    masks as a function of a key and a position
elementwise     gelu, dropout and layer normalization with their gradients
attention       self-attention between its dense layers, with its gradient
keyed_dropout   the dropout layer
layer_norm      the layer normalization layer
token_embedding the token embedding, which is also the output projection
activations     hidden_act -> function
encoder_layer   one layer of the encoder
backbone        build_backbone: BertConfig -> keras_nlp BertBackbone
heads           masked language model and next sentence prediction
pretraining     build_pretraining_model: backbone and both heads
"""

from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.pretraining import build_pretraining_model

__all__ = ["build_backbone", "build_pretraining_model"]

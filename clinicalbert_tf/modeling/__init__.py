"""The models: keras_nlp's BERT backbone, the pretraining heads and the task heads.

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
model_on_backbone what Keras saves and loads of a model with an encoder
task_model      what the models of the tasks share
classifier      build_classifier: one row of logits per sequence
tagger          build_tagger: one row of logits per token
span            build_span_model: start and end logits per token

All of it is written in keras.ops. A model says which heads it has in its attribute `heads`.

    crf                    A linear-chain conditional random field over the labelled positions ...
    distilled_pretraining  A pretraining model that learns from another one: its words, hidden ...
    document_classifier    A classifier that also gives the vector that it classifies, one per ...
    viterbi                The best sequence of labels under rules of succession, in NumPy
"""

from clinicalbert_tf.modeling.backbone import build_backbone
from clinicalbert_tf.modeling.classifier import build_classifier
from clinicalbert_tf.modeling.pretraining import build_pretraining_model
from clinicalbert_tf.modeling.span import build_span_model
from clinicalbert_tf.modeling.tagger import build_tagger

__all__ = [
    "build_backbone",
    "build_classifier",
    "build_pretraining_model",
    "build_span_model",
    "build_tagger",
]

"""Makes keras.saving.load_model find this package's layers, without loading them before.

Keras looks its custom objects up by name in a registry that modules fill when they are imported.
Importing the layers takes TensorFlow and seconds, so what is registered here is a stand-in for each
of them, as soon as Keras itself is there; the layers replace them when they are imported.
"""

import importlib
import sys

from tfrecords_builder.first_import import when_first_imported

_PACKAGE = "clinicalbert_tf"
# Class -> module below clinicalbert_tf.modeling; a test compares it with the decorators.
CLASSES = {
    "BertClassifier": "classifier",
    "BertCrfTagger": "tagger",
    "BertPretrainingModel": "pretraining",
    "BertDocumentClassifier": "document_classifier",
    "BertSpanModel": "span",
    "BertTagger": "tagger",
    "CrfScores": "crf",
    "EncoderLayer": "encoder_layer",
    "KeyedDropout": "keyed_dropout",
    "MaskedLanguageModelTransform": "heads",
    "OutputBias": "heads",
    "ReferenceBertBackbone": "backbone",
    "RowNormalization": "layer_norm",
    "SegmentEmbedding": "backbone",
    "TokenEmbedding": "token_embedding",
}


def register_when_keras_is_imported() -> None:
    """Registers the stand-ins now if Keras is loaded, otherwise when it is."""
    if "keras" in sys.modules:
        _register()
    else:
        when_first_imported("keras", _run)


def _register() -> None:
    registry = sys.modules["keras"].saving.get_custom_objects()
    for name, module in CLASSES.items():
        registry.setdefault(f"{_PACKAGE}>{name}", _stand_in(name, module))


def _stand_in(name: str, module: str) -> type:
    def from_config(cls, config, custom_objects=None):
        real = getattr(importlib.import_module(f"{_PACKAGE}.modeling.{module}"), name)
        return real.from_config(config)

    return type(name, (), {"from_config": classmethod(from_config)})


def _run(module, execute) -> None:
    execute()
    _register()

"""Makes keras.saving.load_model find this package's layers, without loading them before.

Keras looks its custom objects up by name in a registry that modules fill when they are imported.
Importing the layers takes TensorFlow and seconds, so what is registered here is a stand-in for each
of them, as soon as Keras itself is there; the layers replace them when they are imported.
"""

import importlib
import importlib.abc
import sys

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
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _register() -> None:
    registry = sys.modules["keras"].saving.get_custom_objects()
    for name, module in CLASSES.items():
        registry.setdefault(f"{_PACKAGE}>{name}", _stand_in(name, module))


def _stand_in(name: str, module: str) -> type:
    def from_config(cls, config, custom_objects=None):
        real = getattr(importlib.import_module(f"{_PACKAGE}.modeling.{module}"), name)
        return real.from_config(config)

    return type(name, (), {"from_config": classmethod(from_config)})


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds nothing by itself; sees to it that _register runs once Keras is imported."""

    def find_spec(self, name, path=None, target=None):
        """Returns the specification of Keras with a loader that registers, None for others."""
        if name != "keras":
            return None
        # Being found is not being imported: TensorFlow asks where Keras is and leaves it there.
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module) -> None:
            execute(module)
            sys.meta_path.remove(self)
            _register()

        spec.loader.exec_module = exec_module
        return spec

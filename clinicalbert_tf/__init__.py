"""Released BERT checkpoints in Keras: pretraining on clinical notes and the clinical tasks.

    config          bert_config.json in and out
    modeling        keras_nlp backbone and the pretraining model
    checkpoints     in and out: readers, downloads, writers, one explicit table of names
    inference       vectors of notes and words for masks, without training
    input_pipeline  shards of records -> tf.data
    training        optimizer, losses and the one loop under every strategy
    report          one HTML file about a run, from what lies in its folder

    import clinicalbert_tf
    bert = clinicalbert_tf.from_pretrained("path/to/model.ckpt-150000")
    bert.tokenizer, bert.config, bert.backbone, bert.pretraining_model

Importing this package is light: a name below is loaded, TensorFlow with it, when first used.
"""

import importlib

_HOME_OF = {
    "BertConfig": "clinicalbert_tf.config",
    "PretrainedBert": "clinicalbert_tf.checkpoints.pretrained",
    "build_backbone": "clinicalbert_tf.modeling",
    "build_pretraining_model": "clinicalbert_tf.modeling",
    "from_pretrained": "clinicalbert_tf.checkpoints.pretrained",
    "pipeline": "clinicalbert_tf.inference.pipelines",
}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})

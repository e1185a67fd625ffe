"""Released BERT checkpoints in Keras: pretraining on clinical notes and the clinical tasks.

    config             bert_config.json in and out
    modeling           keras_nlp backbone, compiled kernels, heads
    keras_objects      what keras.saving.load_model needs to know of the layers
    checkpoints        in and out: readers, downloads, writers, one explicit table of names
    texts              texts, pairs, words and questions -> ids, windows, batches
    input_pipeline     records or arrays -> batches: order, length buckets, replicas
    datasets           publishers' files -> examples
    metrics            NumPy in, numbers out
    training           the engine: one loop under every strategy, states, workers, watching
    tasks              what is not the same for every run: pretraining, classification, ...
    inference          a finished model on new texts
    deidentification   private data found by rules and models, and replaced
    scoring            files of predictions -> metrics
    report             one HTML file about a run, from what lies in its folder

    setting_fields, flags, command, run_files: settings written once, what every training command
    does around its run, names of files in a run folder. See docs/architecture.md.

    import clinicalbert_tf
    bert = clinicalbert_tf.from_pretrained("path/to/model.ckpt-150000")
    bert.tokenizer, bert.config, bert.backbone, bert.pretraining_model

Importing this package is light: a name below is loaded, TensorFlow with it, when first used.
"""

import importlib

from clinicalbert_tf.keras_objects import register_when_keras_is_imported

_HOME_OF = {
    "BertConfig": "clinicalbert_tf.config",
    "PretrainedBert": "clinicalbert_tf.checkpoints.pretrained",
    "build_backbone": "clinicalbert_tf.modeling",
    "build_pretraining_model": "clinicalbert_tf.modeling",
    "from_pretrained": "clinicalbert_tf.checkpoints.pretrained",
    "pipeline": "clinicalbert_tf.inference.pipelines",
}
__all__ = sorted(_HOME_OF)

register_when_keras_is_imported()


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})

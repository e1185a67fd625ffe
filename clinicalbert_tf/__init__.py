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

Commands, `python -m clinicalbert_tf.NAME`:

    attention_map            What a model looks at: a page of all layers and heads, a picture of ...
    convert_checkpoint       Converts a BERT checkpoint of any format into the format of another ...
    deidentify               Removes private data from notes: rows in, rows out, everything else ...
    distill                  Trains a small model on a large one: a fine-tuned one on its task, ...
    extract_features         Vectors of texts from a BERT checkpoint: of every wordpiece, of ...
    fill_mask                What a BERT checkpoint expects at a place in a text, and how well ...
    launch                   Starts local workers of a distributed run, to try one on one machine
    pretrain                 Pretrains BERT on records of clinical notes, and evaluates it
    privacy_audit            Measures what a pretrained model gives away of the notes that it ...
    restore                  `python -m clinicalbert_tf.restore PATH`: checks a download and ...
    run_classifier           Fine-tunes BERT to classify clinical sentences, pairs, relations ...
    run_i2b2                 Fine-tunes BERT to find entities, evaluates it, and labels notes
    run_readmission          Predicts from notes whether a patient will come back: trains on ...
    run_squad                Fine-tunes BERT to answer questions by a part of a text, and ...
    score                    Scores predictions that anyone made
    search                   Finds the notes that say something, by the meaning of their chunks

Flags and steps behind the commands that have many: attention_map_command, classifier_command,
convert_checkpoint_command, deidentify_command, extract_features_command, fill_mask_command,
i2b2_command, privacy_audit_command, readmission_command, search_command. What they invent without
data: embedded_classification, embedded_default, embedded_entities, embedded_patients,
embedded_questions, embedded_readmission, embedded_tools; they share embedded_model.

    kernel_compiler          TensorFlow's compiler for kernels: functions that pass over memory ...
    run_flags                A training command's flags, and the settings that they give
    tool_command             What every command that trains nothing does around its work
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

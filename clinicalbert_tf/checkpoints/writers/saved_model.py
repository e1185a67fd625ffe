"""CheckpointSource -> a SavedModel that takes raw strings, for TensorFlow Serving."""

import json
import os

import tensorflow as tf

from clinicalbert_tf.checkpoints.into_model import build_task_model, restore_head
from clinicalbert_tf.checkpoints.source import CheckpointSource, check_tensors
from clinicalbert_tf.checkpoints.writers.companions import write_companions
from clinicalbert_tf.checkpoints.writers.formats import FORMATS
from clinicalbert_tf.checkpoints.writers.restored_model import restored_pretraining_model
from clinicalbert_tf.checkpoints.writers.text_model import TextModel
from tfrecords_builder.files import write_private

README_NAME = "README.txt"
# SavedModel's place for files that are no part of the graph.
_EXTRA = "assets.extra"

_README = """\
A BERT encoder as a SavedModel; tokenization is inside the graph.

Signatures
{signatures}
{task}Texts are {casing}. Of a longer text the first {max_seq_length} tokens count,
[CLS] and [SEP] included.

Operators
  TensorFlow's own only; none of tensorflow_text. TensorFlow alone loads all signatures.

Tokenization
  Texts get exactly the wordpieces of the BERT reference, beyond ASCII too; only a Greek capital
  sigma at the end of a word is told by a simpler rule. Bytes that are no UTF-8 are left out.

Use
  import tensorflow as tf
  model = tf.saved_model.load("THIS_FOLDER")
  {example}
  model.weights["bert/embeddings/word_embeddings"]   # every weight, by the reference's name

TensorFlow Serving
  {serving}
  curl -d '{request}' \\
      http://localhost:8501/v1/models/clinicalbert:predict
"""
_SIGNATURES = {
    "serving_default": "text -> sentence_vector (mean over the tokens), pooled_output",
    "vectors": "text -> sentence_vector (mean over the tokens), pooled_output",
    "sequence": "text -> token_ids, padding_mask, sequence_output",
    "tokenized": "token_ids, segment_ids, padding_mask -> sequence_output, sentence_vector, "
    "pooled_output",
    "masked_lm": "text with [MASK] -> mask_positions, wordpieces, probabilities (10 a mask)",
    "pretraining": "token_ids, segment_ids, padding_mask, mask_positions -> mlm_logits, nsp_logits",
}
_TASK_SIGNATURES = {
    "classifier": {
        "serving_default": "text -> logits, probabilities",
        "pair": "text, text_b -> logits, probabilities; an empty text_b is none",
        "ids": "token_ids, segment_ids, padding_mask -> logits, probabilities",
    },
    "tagger": {
        "serving_default": "text -> logits, probabilities, token_ids, padding_mask",
        "ids": "token_ids, segment_ids, padding_mask -> logits, probabilities",
    },
    "crf_tagger": {
        "serving_default": "text -> logits, token_ids, padding_mask, and the scores of labels "
        "that follow one another: crf_begin, crf_follow, crf_end",
        "ids": "token_ids, segment_ids, padding_mask -> logits, crf_begin, crf_follow, crf_end",
    },
    "span": {
        "serving_default": "question, context -> start_logits, end_logits, token_ids, "
        "segment_ids, padding_mask",
        "ids": "token_ids, segment_ids, padding_mask -> start_logits, end_logits",
    },
}
_TEXT_EXAMPLE = {"text": "No acute distress."}
_QUESTION_EXAMPLE = {"question": "What is denied?", "context": "He denies pain."}


def write_saved_model(
    source: CheckpointSource, folder: str, max_seq_length: int | None = None
) -> None:
    """Writes a SavedModel whose default signature takes strings; see TextModel for all of them.

    All of it is made of TensorFlow's own operators. The signatures of a fine-tuned source give its
    head's outputs, those of a pretrained one vectors; README.txt in the folder lists them.

    Args:
        source: pooler and pretraining heads may be missing: what they compute is then left out.
        folder: an empty folder.
        max_seq_length: tokens of the longest sequence made from a text; None for the model's
            positions.

    Raises:
        ValueError: max_seq_length is below 3 or beyond the model's positions.
    """
    length = check_length(source, max_seq_length)
    model, task_model = restored_pretraining_model(source), None
    if source.task is not None:
        task_model = build_task_model(model.backbone, source.task, "float32")
        restore_head(task_model, source)
    present = check_tensors(source).present
    module = TextModel(model, source.tokenizer(), length, present, source.task, task_model)
    signatures = module.signatures()
    # Gradients are for training, and take most of the time that saving takes.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures=signatures, options=options)
    extra = os.path.join(folder, _EXTRA)
    os.makedirs(extra, exist_ok=True)
    write_companions(source, extra)
    write_private(os.path.join(folder, README_NAME), _readme(source, signatures, length).encode())


def _readme(source: CheckpointSource, signatures, length: int) -> str:
    described = {**_SIGNATURES, **_TASK_SIGNATURES.get(source.head, {})}
    given = _QUESTION_EXAMPLE if source.head == "span" else _TEXT_EXAMPLE
    arguments = ", ".join(f"{name}=tf.constant([{text!r}])" for name, text in given.items())
    instance = given if len(given) > 1 else next(iter(given.values()))
    task = f"Labels, in the order of the logits: {', '.join(source.labels)}.\n" * bool(
        source.labels
    )
    return _README.format(
        signatures="".join(f"  {name:15}  {described[name]}\n" for name in signatures),
        task=task,
        casing="lower-cased, accents stripped" if source.do_lower_case else "taken as written",
        max_seq_length=length,
        example=f'model.signatures["serving_default"]({arguments})',
        request=json.dumps({"instances": [instance]}),
        serving=FORMATS["saved_model"].next_step.format(target="THIS_FOLDER"),
    )


def check_length(source: CheckpointSource, max_seq_length: int | None) -> int:
    """The length of the longest sequence, in tokens.

    Raises:
        ValueError: it leaves no room for a wordpiece or is beyond the model's positions.
    """
    positions = source.config.max_position_embeddings
    length = positions if max_seq_length is None else max_seq_length
    if not 3 <= length <= positions:
        raise ValueError(
            f"Expected max_seq_length from 3 to {positions}, the positions of {source.path}, "
            f"received {length}. Change --max_seq_length or leave it out."
        )
    return length
